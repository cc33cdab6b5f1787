// How GraphiQL reaches the server: queries and mutations by POST, subscriptions over graphql-transport-ws,
// both at /graphql of the origin that served the page.

import type { Fetcher, FetcherParams, Observable } from '@graphiql/toolkit';
import { getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { createClient, type ExecutionResult } from 'graphql-ws';

import * as memory from './memory';

const HTTP = new URL('/graphql', location.href);
const SOCKET = new URL(HTTP);
SOCKET.protocol = HTTP.protocol === 'https:' ? 'wss:' : 'ws:';

/** Events kept on the screen. A reply of a few hundred words is as many events; more would only be slow. */
const EVENTS_SHOWN = 100;
/** Milliseconds between two repaints of a live subscription: the editor can't draw every word on its own. */
const REPAINT_EVERY = 100;

/** Runs what GraphiQL asks for, as the person of the headers editor or else the one signed in on this page. */
export const fetcher: Fetcher = (params, opts) => {
  const operation = operationOf(params);
  const request = {
    query: params.query,
    operationName: operation?.name?.value ?? params.operationName,
    variables: memory.fillIn(params.variables),
  };
  const headers = withAuthorization(opts?.headers ?? {});
  return operation?.operation === 'subscription' ? subscribe(request, headers) : post(request, headers);
};

/** The operation to run; none when the query can't be read, and then the server says why. */
function operationOf({ query, operationName }: FetcherParams): OperationDefinitionNode | null | undefined {
  try {
    const document = parse(query);
    // Right after a change of tab, GraphiQL still gives the other tab's operation name. Where there is only one
    // operation, its name does not matter.
    return getOperationAST(document, operationName) ?? getOperationAST(document);
  } catch {
    return null;
  }
}

function withAuthorization(editor: Record<string, unknown>): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(editor).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  const remembered = memory.authorization();
  return remembered === undefined ? headers : { authorization: remembered, ...headers };
}

async function post(request: FetcherParams, headers: Record<string, string>): Promise<ExecutionResult> {
  const response = await fetch(HTTP, {
    method: 'POST',
    headers: {
      ...headers,
      accept: 'application/graphql-response+json, application/json',
      'content-type': 'application/json',
    },
    body: JSON.stringify(request),
  });
  const body = await response.text();
  let result: ExecutionResult;
  try {
    result = JSON.parse(body) as ExecutionResult;
  } catch {
    // Not from GraphQL: a proxy's error page, say. Its status tells more than the parser's complaint.
    throw new Error(`The server answered ${response.status} ${response.statusText}, and not with JSON.`);
  }
  memory.noticeAnswer(result.data);

  const isRefused = result.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED');
  if (isRefused && memory.forget(headers.authorization) && result.data === undefined) {
    // The login that the page kept has run out, and nothing was done. Somebody who logs in or reads the schema
    // needs none; anyone else now reads that they have to log in.
    const { authorization: _, ...others } = headers;
    return post(request, others);
  }
  return result;
}

/**
 * A subscription on a socket of its own: the token is given once per socket, and two tabs may be two people.
 *
 * GraphiQL shows one answer at a time, so each event would wipe the one before. What it gets here instead is
 * the list of the newest events, newest first, each as the server sent it.
 */
function subscribe(request: FetcherParams, headers: Record<string, string>): Observable<ExecutionResult> {
  return {
    subscribe(observer: unknown) {
      const { next, error, complete } = observer as Observer;
      const { authorization } = headers;
      const client = createClient({
        url: SOCKET.href,
        connectionParams: authorization === undefined ? {} : { authorization },
        // Going on after a lost connection means subscribing after the last cursor, which is the reader's to
        // give. Subscribing anew with the old variables would show the same events twice.
        retryAttempts: 0,
      });

      const newestFirst: ExecutionResult[] = [];
      let repaint: ReturnType<typeof setTimeout> | undefined;
      const paint = () => {
        clearTimeout(repaint);
        repaint = undefined;
        next({ newestFirst });
      };
      const show = (event: ExecutionResult) => {
        newestFirst.unshift(event);
        newestFirst.splice(EVENTS_SHOWN);
        repaint ??= setTimeout(paint, REPAINT_EVERY);
      };
      const dispose = client.subscribe(
        { ...request, variables: request.variables as Record<string, unknown> },
        {
          next: (event) => show(event as ExecutionResult),
          error: (cause) => {
            if (Array.isArray(cause)) {
              show({ errors: cause });
              paint();
              complete();
            } else {
              clearTimeout(repaint);
              error(cause instanceof CloseEvent ? closed(cause) : cause);
            }
          },
          complete: () => {
            if (repaint !== undefined) paint();
            complete();
          },
        },
      );
      return {
        unsubscribe() {
          clearTimeout(repaint);
          dispose();
        },
      };
    },
  };
}

/** The one form in which GraphiQL subscribes, out of the three that its type allows. */
interface Observer {
  next(value: unknown): void;
  error(cause: unknown): void;
  complete(): void;
}

function closed({ code, reason }: CloseEvent): Error {
  return new Error(`The connection ended: ${code} ${reason || 'without a reason'}.`);
}
