// Numbers and times as people read them. What is not known is said to be unknown, never a zero.

export const UNKNOWN = "unknown";
const THIN = "\u202f";

export function amount(value: number, decimals = 2): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const text = value.toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return /[1-9]/.test(text) ? text.replace("-", "\u2212") : text.replace("-", "");
}

export function signed(value: number, decimals = 2): string {
  const text = amount(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Money that came as text: exact there, rounded to cents here. */
export function money(text: string | null | undefined): string {
  return text === null || text === undefined || text === UNKNOWN || text === ""
    ? UNKNOWN
    : amount(Number(text));
}

export function percent(value: number | null | undefined, decimals = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const small = decimals === 2 && Math.abs(value) >= 5e-7 && Math.abs(value) < 1e-4;
  return `${amount(value * 100, small ? 4 : decimals)}${THIN}%`;
}

export function places(step: number): number {
  const found = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Math.min(10, found);
}

/** A price in ticks, with the digits that matter: five or six significant ones. */
export function price(ticks: number | null | undefined, tick: number): string {
  if (ticks === null || ticks === undefined) return UNKNOWN;
  return plainPrice(ticks * tick, tick);
}

export function plainPrice(value: number, tick: number): string {
  const wanted = value > 0 ? 5 - Math.floor(Math.log10(value)) - 1 : 2;
  return amount(value, Math.max(0, Math.min(places(tick), Math.max(wanted, 2))));
}

export function size(lots: number, lot: number): string {
  return (Math.abs(lots) * lot).toLocaleString("en-US", { maximumFractionDigits: 8 });
}

export function span(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 0.001) return `${amount(seconds * 1e6, 0)} µs`;
  if (seconds < 1) return `${amount(seconds * 1e3, seconds < 0.01 ? 2 : 0)} ms`;
  if (seconds < 90) return `${amount(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5_400) return `${amount(seconds / 60, 0)} min`;
  if (seconds < 129_600) return `${amount(seconds / 3_600, 1)} h`;
  return `${amount(seconds / 86_400, 1)} d`;
}

export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

export function words(name: string): string {
  return name.replaceAll("_", " ");
}

export function short(account: string): string {
  return `${account.slice(0, 6)}…${account.slice(-6)}`;
}
