// The token comes behind the # of the link, which a browser sends to nobody, and stays in this tab.

const KEY = "flyball-token";

export function token(): string {
  const given = location.hash.slice(1);
  if (/^[0-9a-f]{64}$/.test(given)) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

export function keep(given: string): boolean {
  const found = /[0-9a-f]{64}/.exec(given);
  if (!found) return false;
  sessionStorage.setItem(KEY, found[0]);
  return true;
}
