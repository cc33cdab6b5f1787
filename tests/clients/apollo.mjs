// Apollo Client, set up as an app would: queries and mutations over HTTP, subscriptions over a WebSocket or, where
// those don't get through, over HTTP as well.
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  CombinedProtocolErrors,
  HttpLink,
  InMemoryCache,
  ServerError,
  ServerParseError,
} from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import { tap } from 'rxjs';
import WebSocket from 'ws';

const isSubscription = ({ operationType }) => operationType === 'subscription';

/**
 * Lets a subscription continue where it broke. Whoever opens it again, graphql-ws or the `RetryLink`, asks `after` the
 * newest cursor that has come, because the variable is read anew.
 */
const resume = new ApolloLink((operation, forward) => {
  if (!isSubscription(operation)) return forward(operation);
  let newest = operation.variables.after;
  operation.variables = {
    ...operation.variables,
    get after() {
      return newest;
    },
  };
  return forward(operation).pipe(
    tap(({ data }) => {
      const [event] = Object.values(data ?? {});
      newest = event?.cursor ?? newest;
    }),
  );
});

/**
 * A client in somebody's name. `sockets: false`: subscriptions go over HTTP, as `multipart/mixed`. `connected` is told of
 * each connection that a subscription opens; `links` come before its own; `fetch` instead of the usual one.
 */
export function apollo(options) {
  const { person, http, ws, sockets = true, links = [], fetch = globalThis.fetch, connected = () => {} } = options;
  const headers = person ? { authorization: `Bearer ${person.token}` } : {};
  const socket = createClient({
    url: ws,
    webSocketImpl: WebSocket,
    connectionParams: headers,
    retryAttempts: Infinity,
    shouldRetry: (closed) => closed?.code !== 4403, // the token is not good, or no longer: refresh it and come back
    retryWait: (attempt) => pause(Math.min(100 * 2 ** attempt, 10_000)),
    on: { connected },
  });
  const overHttp = new HttpLink({
    uri: http,
    headers,
    fetch: async (...request) => {
      const response = await fetch(...request);
      if (response.headers.get('content-type')?.startsWith('multipart/mixed')) connected();
      return response;
    },
  });
  // For subscriptions over HTTP: graphql-ws tries again by itself. What the server answered is no reason to.
  const again = new RetryLink({
    delay: { initial: 100, max: 10_000 },
    attempts: { max: Infinity, retryIf: (error, operation) => !sockets && isSubscription(operation) && !isAnswer(error) },
  });
  const client = new ApolloClient({
    cache: new InMemoryCache({
      // Which types a union has, so that `... on Node` finds its fields in the cache.
      possibleTypes: { Author: ['User', 'Chatbot'], Node: ['User', 'Chatbot', 'Session', 'Message'] },
    }),
    link: ApolloLink.from([
      ...links,
      again,
      resume,
      ApolloLink.split((operation) => sockets && isSubscription(operation), new GraphQLWsLink(socket), overHttp),
    ]),
  });
  return Object.assign(client, {
    close: () => {
      client.stop();
      return socket.dispose();
    },
  });
}

function isAnswer(error) {
  return [CombinedGraphQLErrors, CombinedProtocolErrors, ServerError, ServerParseError].some((kind) => kind.is(error));
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
