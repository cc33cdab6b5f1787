// What an app with Relay has of Parlor: a list of sessions that grows downwards, and a conversation that grows upwards
// as one scrolls and downwards as people speak. The two connections are the ones of the schema, as they are.
import { graphql } from 'relay-runtime';

/** The list of sessions, latest first. */
export const Sessions = graphql`
  fragment chat_sessions on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "chatSessionsPageQuery") {
    sessions(first: $count, after: $cursor) @connection(key: "chat_sessions") {
      edges {
        node {
          id
          title
          lastMessage {
            content
          }
        }
      }
    }
  }
`;

export const SessionsQuery = graphql`
  query chatSessionsQuery($count: Int) {
    me {
      id
      username
    }
    ...chat_sessions @arguments(count: $count)
  }
`;

/** A conversation: its newest messages, and earlier ones when they are asked for. */
export const Messages = graphql`
  fragment chat_messages on Session
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "chatMessagesPageQuery") {
    id
    messages(last: $count, before: $cursor) @connection(key: "chat_messages") {
      __id
      edges {
        node {
          id
          seq
          content
          status
          author {
            __typename
            ... on User {
              displayName
            }
            ... on Chatbot {
              name
            }
          }
        }
      }
    }
  }
`;

export const ConversationQuery = graphql`
  query chatConversationQuery($id: ID!, $count: Int) {
    session(id: $id) {
      cursor
      ...chat_messages @arguments(count: $count)
    }
  }
`;

export const Say = graphql`
  mutation chatSayMutation($input: SendMessageInput!) {
    sendMessage(input: $input) {
      message {
        id
        seq
      }
      reply {
        id
        status
        content
      }
    }
  }
`;

/** What is said from now on stands at the end of the conversation, without a line of the app's own. */
export const Added = graphql`
  subscription chatAddedSubscription($sessionId: ID!, $after: String, $connections: [ID!]!) {
    messageAdded(sessionId: $sessionId, after: $after)
      @appendNode(connections: $connections, edgeTypeName: "MessageEdge") {
      id
      seq
      content
      status
      author {
        __typename
        ... on User {
          displayName
        }
        ... on Chatbot {
          name
        }
      }
    }
  }
`;
