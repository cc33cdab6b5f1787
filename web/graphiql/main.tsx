// GraphiQL on Parlor's own endpoint, with a first conversation in its tabs. Everything it loads comes
// from the server that served the page: it works on a network that has no way out.

import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';

import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';

import { ActiveTab } from './active-tab';
import { fetcher } from './fetcher';
import { firstConversation } from './tabs';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has lost its #root');

createRoot(root).render(
  <GraphiQL fetcher={fetcher} defaultTabs={firstConversation()} defaultEditorToolsVisibility="variables">
    <ActiveTab />
    <GraphiQL.Logo>
      <span className="parlor-logo">Parlor</span>
    </GraphiQL.Logo>
  </GraphiQL>,
);
