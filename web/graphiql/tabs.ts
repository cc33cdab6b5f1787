// A first conversation, one tab each step: somebody arrives, says hello, watches the answer being written,
// reads it again. GraphiQL shows these tabs to a browser that has not been here before.

interface Tab {
  query: string;
  variables?: string;
}

/** The tabs, with a username and a password that nobody has yet. */
export function firstConversation(): Tab[] {
  const [name, password] = [`ada${random(4)}`, random(20)];
  return [register(name, password), send, watch, history, login(name, password)];
}

// Names and passwords are made up here, so that two visitors of one server don't clash and no account
// has a password that can be read in this file.
function random(length: number): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => letters[byte % letters.length]).join('');
}

function register(name: string, password: string): Tab {
  return {
    query: `# 1. Make an account. Its name and password stand
# in the variables below.
#
# From the answer on you are signed in: this page
# keeps the access token until you close the
# browser tab, and sends it with every request
# that has no Authorization among its headers. It
# lasts for minutes; the tab "Login" gets a new
# one.

mutation Register($input: RegisterInput!) {
  register(input: $input) {
    accessToken
    expiresAt
    user {
      id
      username
      role
    }
  }
}
`,
    variables: `{
  "input": {
    "username": "${name}",
    "email": "${name}@example.com",
    "password": "${password}"
  }
}
`,
  };
}

const send: Tab = {
  query: `# 2. Say hello. Without a sessionId this starts a
# session with the chatbot of the house.
#
# The answer waits for the reply, waitMs
# milliseconds at most. With 0 you hear at once
# that your message is stored, and the reply is
# still PENDING.

mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) {
    session {
      id
      cursor
    }
    message {
      id
      seq
      cursor
      content
    }
    reply {
      id
      seq
      status
      content
    }
  }
}
`,
  variables: `{
  "input": {
    "content": "Hello",
    "waitMs": 10000
    // To go on in the same session, add:
    // , "sessionId": "{{sessionId}}"
  }
}
`,
};

const watch: Tab = {
  query: `# 3. Watch the session. For {{sessionId}} this
# page puts in the session you sent to last, for
# {{cursor}} the cursor of your message there.
#
# You get every change after the cursor, once each
# and in order, then CaughtUp, then what happens
# live. The newest event stands on top.
#
# To see a reply being written, duplicate the
# browser tab: watch in one, and in the other send
# to the sessionId {{sessionId}}.

subscription Watch($sessionId: ID!, $after: String) {
  sessionEvents(sessionId: $sessionId, after: $after) {
    __typename
    ... on MessageAdded {
      cursor
      message {
        ...Line
      }
    }
    ... on MessageChanged {
      cursor
      message {
        ...Line
      }
    }
    ... on ReplyDelta {
      messageId
      offset
      text
    }
    ... on CaughtUp {
      cursor
    }
    ... on FeedEnded {
      reason
      retry
    }
  }
}

fragment Line on Message {
  id
  seq
  status
  content
  failure
}
`,
  variables: `{
  "sessionId": "{{sessionId}}",
  "after": "{{cursor}}"
}
`,
};

const history: Tab = {
  query: `# 4. Read it again, the last 50 messages. Without a
# sessionId: of all your sessions. To page back,
# give startCursor as before.

query History($sessionId: ID, $before: String) {
  history(sessionId: $sessionId, before: $before) {
    nodes {
      seq
      status
      content
      createdAt
      author {
        ... on User {
          username
        }
        ... on Chatbot {
          handle
          name
        }
      }
    }
    pageInfo {
      hasPreviousPage
      startCursor
    }
  }
}
`,
  variables: `{
  "sessionId": "{{sessionId}}"
}
`,
};

function login(name: string, password: string): Tab {
  return {
    query: `# Sign in again, when your access token has run
# out.

mutation Login($input: LoginInput!) {
  login(input: $input) {
    accessToken
    expiresAt
  }
}
`,
    variables: `{
  "input": {
    "username": "${name}",
    "password": "${password}"
  }
}
`,
  };
}
