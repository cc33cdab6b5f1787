// Follows a session through whatever happens to the connection, and sends so that nothing is said twice.
import { createClient } from 'graphql-ws';

export type Message = { id: string; seq: number; status: string; content: string };

type SessionEvent =
  | { __typename: 'MessageAdded' | 'MessageChanged'; cursor: string; message: Message }
  | { __typename: 'ReplyDelta'; messageId: string; offset: number; text: string }
  | { __typename: 'CaughtUp'; cursor: string }
  | { __typename: 'FeedEnded'; reason: string; retry: boolean };

const EVENTS = `subscription ($sessionId: ID!, $after: String) {
  sessionEvents(sessionId: $sessionId, after: $after) {
    __typename
    ... on MessageAdded { cursor message { id seq status content } }
    ... on MessageChanged { cursor message { id seq status content } }
    ... on ReplyDelta { messageId offset text }
    ... on CaughtUp { cursor }
    ... on FeedEnded { reason retry }
  }
}`;

const SEND = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id seq status content } }
}`;

/** What the server will say again however often it is asked. */
export class Refused extends Error {}

/** A session as its events tell it. Keep `cursor` with `messages`, and both can be taken up where they were left. */
export class Conversation {
  readonly messages = new Map<string, Message>();

  constructor(readonly sessionId: string, public cursor: string | null = null) {}

  apply(event: SessionEvent): void {
    if (event.__typename === 'MessageAdded' || event.__typename === 'MessageChanged') {
      this.messages.set(event.message.id, event.message);
    } else if (event.__typename === 'ReplyDelta') {
      const reply = this.messages.get(event.messageId);
      // Offsets count characters as the spread does: an emoji is one, not two.
      if (reply) reply.content = [...reply.content].slice(0, event.offset).join('') + event.text;
    }
    if ('cursor' in event) this.cursor = event.cursor;
  }
}

/** Follows until it is told to stop. `token` gives an access token that is good now. */
export async function follow(
  server: string,
  token: () => Promise<string>,
  conversation: Conversation,
  changed: () => void,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const client = createClient({
      url: `${server.replace(/^http/, 'ws')}/graphql`,
      connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
      // Coming back is done here, because it must be with the newest cursor.
      retryAttempts: 0,
    });
    const end = () => client.terminate();
    stop.addEventListener('abort', end);
    try {
      const variables = { sessionId: conversation.sessionId, after: conversation.cursor };
      const events = client.iterate<{ sessionEvents: SessionEvent }>({ query: EVENTS, variables });
      for await (const { data, errors } of events) {
        if (errors) throw refusal(errors[0]);
        if (!data) continue;
        const event = data.sessionEvents;
        if (event.__typename === 'FeedEnded' && !event.retry) throw new Refused(event.reason);
        conversation.apply(event);
        changed();
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (Array.isArray(error) && refusal(error[0]) instanceof Refused) throw refusal(error[0]);
      // Otherwise the connection broke, or the server can't serve just now: come back.
    } finally {
      stop.removeEventListener('abort', end);
      await client.dispose();
    }
    await pause();
  }
}

/** Sends until there is an answer. The key makes it one message, however often that takes. */
export async function send(
  server: string,
  token: () => Promise<string>,
  sessionId: string,
  content: string,
  clientKey: string = crypto.randomUUID(),
): Promise<Message> {
  for (;;) {
    try {
      const response = await fetch(`${server}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await token()}` },
        body: JSON.stringify({ query: SEND, variables: { input: { sessionId, content, clientKey } } }),
        signal: AbortSignal.timeout(10_000),
      });
      const { data, errors } = await response.json();
      if (!errors) return data.sendMessage.message;
      throw refusal(errors[0]);
    } catch (error) {
      if (error instanceof Refused) throw error;
      // No answer, so nobody knows whether it was stored: the same again.
    }
    await pause();
  }
}

function refusal(error: { message: string; extensions?: Record<string, unknown> }): Error {
  const passes = ['UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL'].includes(String(error.extensions?.code));
  return passes ? new Error(error.message) : new Refused(error.message);
}

/** A moment of chance, so that all clients of a server that ended do not come back at once. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 400));
}
