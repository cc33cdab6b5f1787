// What the page keeps from one request to the next, so that a conversation needs no copying of tokens and
// ids: who you are (`accessToken`), where you last spoke (`sessionId`) and what you have seen (`cursor`).
// It lives in sessionStorage: it survives a reload, is copied when the browser tab is duplicated, and ends
// with the browser tab.

/** The names that may stand in a variable as `"{{name}}"`. */
export type Placeholder = 'sessionId' | 'cursor';

type Remembered = Partial<Record<Placeholder | 'accessToken', string>>;

const KEY = 'parlor.graphiql';

function read(): Remembered {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Remembered;
  } catch {
    // Not JSON: nobody but this page writes there, so nothing of worth is lost by starting over.
    return {};
  }
}

function remember(more: Remembered): void {
  sessionStorage.setItem(KEY, JSON.stringify({ ...read(), ...more }));
}

/** `Bearer` and the access token of the last `register`, `login` or `refresh` on this page. */
export function authorization(): string | undefined {
  const { accessToken } = read();
  return accessToken === undefined ? undefined : `Bearer ${accessToken}`;
}

/** Drops the access token if it is this one, which the server did not take. Says whether it was. */
export function forget(refused: string | undefined): boolean {
  if (refused === undefined || refused !== authorization()) return false;
  remember({ accessToken: undefined });
  return true;
}

/** Keeps what an answer brings: an access token, or the session and cursor of a message just sent. */
export function noticeAnswer(data: unknown): void {
  // By shape and not by field name, so that an alias (`me: register(...)`) is understood too.
  for (const payload of Object.values(object(data))) {
    const { accessToken, session, message } = object(payload);
    if (typeof accessToken === 'string') remember({ accessToken });

    // The cursor of the message, not of the session: subscribing after it shows the reply again, however
    // long ago it was finished.
    const cursor = object(message).cursor ?? object(session).cursor;
    const sessionId = object(session).id;
    if (typeof sessionId === 'string') remember({ sessionId });
    if (typeof cursor === 'string') remember({ cursor });
  }
}

/** The same variables with each `"{{sessionId}}"` and `"{{cursor}}"` replaced by what it stands for. */
export function fillIn(variables: unknown): unknown {
  if (Array.isArray(variables)) return variables.map(fillIn);
  if (typeof variables === 'object' && variables !== null) {
    return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, fillIn(value)]));
  }
  const placeholder = typeof variables === 'string' && /^\{\{(sessionId|cursor)\}\}$/.exec(variables)?.[1];
  if (!placeholder) return variables;

  const value = read()[placeholder as Placeholder];
  if (value === undefined) throw new Error(`There is no {{${placeholder}}} yet: run the tab "Send" first.`);
  return value;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
