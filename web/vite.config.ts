import { defineConfig } from 'vite';

// Only `npm run dev` uses it: where the server is that answers the GraphQL.
const server = process.env.PARLOR_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  // One HTML file per page, each in the folder of its route; what they load goes to /assets, named by hash.
  appType: 'mpa',
  build: {
    rolldownOptions: {
      input: { graphiql: 'graphiql/index.html' },
      // GraphiQL's dependencies are full of "use client", which means nothing here: a hundred warnings would
      // hide the one that matters.
      checks: { moduleLevelDirective: false },
    },
    // The bundle travels inside Parlor's binary, so the notices of what is in it must travel too.
    license: { fileName: 'graphiql/licenses.md' },
    // Monaco, the editor inside GraphiQL, is one large chunk that is loaded once and cached for good.
    chunkSizeWarningLimit: 4096,
  },
  server: {
    proxy: {
      // The server takes calls from its own origin only; seen from there, the dev server is another one.
      '/graphql': { target: server, ws: true, headers: { origin: server } },
    },
  },
});
