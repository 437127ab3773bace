// What does something at the engine: always a POST with the token in a header.

import { token } from "./token";

export interface Ticket {
  ticket: string;
  name: string;
  type_this: string;
  clears: string;
  stays: string[];
  /** Whether a code of an authenticator is wanted too. */
  factor: boolean;
  seconds: number;
}

export interface Released {
  released: boolean;
  latched: string[];
  reason: string;
}

const PATIENCE_MS = 15_000;

async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token()}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const said = (await answer.json()) as T & { error?: string };
  if (!answer.ok) throw new Error(said.error ?? `status ${answer.status}`);
  return said;
}

export const kill = (scope = "all") => post<{ way: string; kept: boolean }>("/kill", { scope });
export const requestRelease = (name: string) => post<Ticket>("/release/request", { name });
export const confirmRelease = (ticket: string, typed: string, code: string) =>
  post<Released>("/release/confirm", { ticket, typed, code });
