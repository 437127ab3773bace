// The newest of everything, put into the page at most once a frame, and not more often than people
// can read: however many messages come, what is drawn is drawn once.

import { token } from "./token";
import type {
  About, Alerts, Book, Drill, Fill, Health, Learning, Message, Notice, Point, Predictions, Refused,
  RunState, Status, Venue,
} from "./wire";

export type Link = "connecting" | "open" | "lost" | "refused";

const POINTS_MAX = 4_000;
const FILLS_MAX = 2_000;
const NOTICES_MAX = 300;
// Without any message for so long the connection counts as lost; the server sends one a second.
const SILENT_MS = 3_500;
const AGAIN_MS = [250, 500, 1_000, 2_000, 4_000];
const OLD_MS = 3_000;
// Nobody reads numbers that change faster.
const DRAW_MS = 50;

class Live {
  link = $state<Link>("connecting");
  now = $state(performance.now());
  lostAt = $state<number | null>(null);
  everOpen = $state(false);

  about = $state.raw<About | null>(null);
  run = $state.raw<RunState | null>(null);
  status = $state.raw<Status | null>(null);
  venue = $state.raw<Venue | null>(null);
  refused = $state.raw<Refused | null>(null);
  parts = $state.raw<Record<string, string>>({});
  health = $state.raw<Health | null>(null);
  alerts = $state.raw<Alerts | null>(null);
  predictions = $state.raw<Predictions | null>(null);
  learning = $state.raw<Learning | null>(null);
  drill = $state.raw<Drill | null>(null);
  books = $state.raw<Record<string, Book>>({});
  fills = $state.raw<Fill[]>([]);
  notices = $state.raw<Notice[]>([]);
  // Charts read these themselves; the numbers say that they changed, and that they began anew.
  points: Point[] = [];
  pointsChanged = $state(0);
  pointsEpoch = $state(0);

  messages = 0;
  #socket: WebSocket | null = null;
  #tries = 0;
  #heardAt = 0;
  #ages: Record<string, number> = {};
  #waiting: Record<string, unknown> = {};
  #logs: Record<string, { anew: boolean; rows: unknown[] }> = {};
  #drawing = false;
  #drawnAt = 0;

  start(): void {
    this.#connect();
    setInterval(() => this.#look(), 500);
    // A browser that comes back from sleep looks at once.
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** Milliseconds since something was measured, as far as this page knows; null before it was. */
  age(topic: string): number | null {
    const then = this.#ages[topic];
    return then === undefined ? null : then + Math.max(0, this.now - this.#heardAt);
  }

  /** Whether what is shown of a topic cannot be taken for what is now. */
  isOld(topic: string): boolean {
    const age = this.age(topic);
    return this.link !== "open" || age === null || age > OLD_MS;
  }

  retry(): void {
    this.#tries = 0;
    this.#connect();
  }

  #connect(): void {
    const word = token();
    if (!word) {
      this.link = "refused";
      return;
    }
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live`, ["flyball", `token.${word}`]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    if (this.link !== "lost") this.link = "connecting";
    const words = new TextDecoder();
    socket.onmessage = (event: MessageEvent<ArrayBuffer>) => {
      const message = JSON.parse(words.decode(event.data)) as Message;
      this.#take(message);
      if (socket.readyState === WebSocket.OPEN) socket.send(String(message.n));
    };
    socket.onclose = () => void this.#closed(socket);
  }

  async #closed(socket: WebSocket): Promise<void> {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (this.link !== "lost") {
      this.lostAt = this.everOpen ? performance.now() : null;
      this.link = this.everOpen ? "lost" : "connecting";
    }
    // A browser does not say why a websocket was refused: a plain question does.
    if (await wrongToken()) {
      this.link = "refused";
      return;
    }
    const wait = AGAIN_MS[Math.min(this.#tries, AGAIN_MS.length - 1)] ?? 1_000;
    this.#tries += 1;
    setTimeout(() => this.#connect(), wait);
  }

  #look(): void {
    this.now = performance.now();
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && this.now - this.#heardAt > SILENT_MS) {
      this.#socket = null;
      this.lostAt ??= this.#heardAt;
      this.link = "lost";
      socket.close();
      this.#connect();
    }
  }

  #take(message: Message): void {
    this.messages += 1;
    this.#heardAt = performance.now();
    this.#ages = message.ages;
    Object.assign(this.#waiting, message.topics);
    for (const [name, log] of Object.entries(message.logs)) {
      const before = this.#logs[name];
      if (log.anew || !before) this.#logs[name] = { anew: log.anew, rows: log.rows };
      else before.rows.push(...log.rows);
    }
    if (document.hidden) {
      this.#draw(); // frames stand still while nobody looks
    } else if (!this.#drawing) {
      this.#drawing = true;
      const wait = this.#drawnAt + DRAW_MS - performance.now();
      if (wait <= 0) requestAnimationFrame(() => this.#draw());
      else setTimeout(() => requestAnimationFrame(() => this.#draw()), wait);
    }
  }

  #draw(): void {
    this.#drawing = false;
    this.now = performance.now();
    this.#drawnAt = this.now;
    const topics = this.#waiting;
    const logs = this.#logs;
    this.#waiting = {};
    this.#logs = {};
    if (this.link !== "open") {
      this.link = "open";
      this.everOpen = true;
      this.lostAt = null;
      this.#tries = 0;
    }
    let books: Record<string, Book> | null = null;
    for (const [name, value] of Object.entries(topics)) {
      if (name.startsWith("book:")) {
        books ??= { ...this.books };
        books[name.slice(5)] = value as Book;
      } else if (name === "about") {
        this.about = value as About;
        books = {};
      } else if (name in this) {
        (this as unknown as Record<string, unknown>)[name] = value;
      }
    }
    if (books) this.books = books;
    if (logs.points) this.#plot(logs.points as { anew: boolean; rows: Point[] });
    if (logs.fills) this.fills = grown(this.fills, logs.fills, FILLS_MAX);
    if (logs.notices) this.notices = grown(this.notices, logs.notices, NOTICES_MAX);
  }

  #plot(log: { anew: boolean; rows: Point[] }): void {
    if (log.anew) {
      this.points = log.rows;
      this.pointsEpoch += 1;
    } else {
      this.points.push(...log.rows);
    }
    if (this.points.length > POINTS_MAX) {
      const half = this.points.length >> 1;
      this.points = this.points.filter((_, at) => at >= half || at % 2 === 0);
      this.pointsEpoch += 1;
    }
    this.pointsChanged += 1;
  }
}

function grown<T>(before: T[], log: { anew: boolean; rows: unknown[] }, most: number): T[] {
  const rows = log.rows as T[];
  return (log.anew ? rows : [...before, ...rows]).slice(-most);
}

async function wrongToken(): Promise<boolean> {
  try {
    const answer = await fetch("/status", {
      headers: { authorization: `Bearer ${token()}` },
      signal: AbortSignal.timeout(3_000),
    });
    return answer.status === 401 || answer.status === 429;
  } catch {
    return false;
  }
}

export const live = new Live();
