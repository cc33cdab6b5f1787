import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

/**
 * Shows the active tab in the editors as soon as they are there.
 *
 * Left to itself, GraphiQL 5 fills them with what was typed last on this page: on a first visit the variables
 * of the first tab stay away, and after a reload another tab's query may stand in their place.
 */
export function ActiveTab() {
  const { changeTab } = useGraphiQLActions();
  const index = useGraphiQL((state) => state.activeTabIndex);
  const ready = useGraphiQL(
    (state) =>
      state.queryEditor && state.variableEditor && state.headerEditor && state.responseEditor && true,
  );

  useEffect(() => {
    if (ready) changeTab(index);
    // Only when they become ready: later on GraphiQL changes tabs itself.
  }, [ready]);
  return null;
}
