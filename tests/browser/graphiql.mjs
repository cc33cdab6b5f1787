// GraphiQL as a person uses it: pick a tab, change the variables, press the button, read.

/** One browser tab with GraphiQL in it. */
export class GraphiQL {
  #page;
  /** Events of all subscriptions, oldest first, as the server sent them. */
  events = [];
  /** What each socket was opened with. */
  connectionParams = [];
  #arrived = () => {};

  /** Opens `/graphiql` as somebody who has not been there before. `expected`: as for `newVisitor`. */
  static async open(browser, expected) {
    const page = await (await browser.newVisitor(expected)).newPage();
    const graphiql = new GraphiQL(page);
    await page.goto('/graphiql');
    return graphiql.#ready();
  }

  constructor(page) {
    this.#page = page;
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const message = JSON.parse(payload);
        if (message.type === 'connection_init') this.connectionParams.push(message.payload);
      });
      socket.on('framereceived', ({ payload }) => {
        const message = JSON.parse(payload);
        if (message.type !== 'next') return;
        this.events.push(message.payload);
        this.#arrived();
      });
    });
  }

  /** What "Duplicate tab" does in a browser: the same page with a copy of the same sessionStorage. */
  async duplicate() {
    await this.#noted();
    const opened = this.#page.waitForEvent('popup');
    await this.#page.evaluate(() => void window.open(location.href));
    return new GraphiQL(await opened).#ready();
  }

  /** Loads the page anew. */
  async reload() {
    await this.#noted();
    await this.#page.reload();
    await this.#ready();
  }

  /** What time does to a login: the page's access token is one that the server does not take. */
  async loseLogin() {
    await this.#page.evaluate(() => {
      const key = 'parlor.graphiql';
      const kept = JSON.parse(sessionStorage.getItem(key));
      sessionStorage.setItem(key, JSON.stringify({ ...kept, accessToken: 'run.out.long-ago' }));
    });
  }

  /** Picks a tab and, when given, puts `variables` in the place of its own. */
  async show(tab, variables) {
    const button = this.#page.getByRole('tab', { name: tab }).getByRole('button', { name: tab });
    // Picked again, the active tab would lose what was typed in the last half second.
    if (!(await button.locator('..').getAttribute('class')).includes('graphiql-tab-active'))
      await button.click();
    if (variables !== undefined) await this.#paste(variables);
  }

  /** Gives the headers of the tabs' requests. */
  async setHeaders(headers) {
    await this.#page.getByRole('button', { name: 'Headers', exact: true }).click();
    await this.#paste(headers);
    await this.#page.getByRole('button', { name: 'Variables', exact: true }).click();
  }

  /** Runs a tab's query or mutation. */
  async run(tab, variables) {
    await this.show(tab, variables);
    const answered = this.#page.waitForResponse((response) => isFromTab(response.request()));
    await this.#press();
    const answer = await (await answered).json();
    // Only what is on the screen is known to the page as well.
    await this.reads('{');
    return answer;
  }

  /** Presses a tab's button and does not wait. What a subscription brings is in `events`. */
  async start(tab) {
    await this.show(tab);
    await this.#press();
  }

  /** Waits for the first event that `wanted` says yes to. */
  async event(wanted) {
    const deadline = AbortSignal.timeout(15_000);
    for (;;) {
      const found = this.events.find(wanted);
      if (found !== undefined) return found;
      await new Promise((resolve, reject) => {
        this.#arrived = resolve;
        deadline.onabort = () =>
          reject(new Error(`No such event among ${JSON.stringify(this.events, null, 2)}`));
      });
    }
  }

  /** Waits until the answer on the screen holds `text`. */
  async reads(text) {
    await this.#page.locator('.result-window .view-line', { hasText: text }).first().waitFor();
  }

  /** Keeps a picture of the page. */
  async picture(path) {
    await this.#page.screenshot({ path });
  }

  async #ready() {
    // The variables come last: when they are shown, all editors are there.
    await this.#tool().locator('.view-line', { hasText: '{' }).first().waitFor();
    return this;
  }

  // GraphiQL notes down what is in the editors a moment after the last change, piece by piece. A page that is
  // opened in between finds the pieces at odds, and shows yet another tab.
  async #noted() {
    await this.#page.waitForFunction(() => {
      const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{"tabs":[]}');
      const active = tabs[activeTabIndex];
      return (
        active?.query === localStorage.getItem('graphiql:query') &&
        active?.variables === localStorage.getItem('graphiql:variables') &&
        document.querySelector('.graphiql-tab-active .graphiql-tab-button')?.textContent === active?.title
      );
    });
  }

  async #paste(json) {
    await this.#tool().locator('.view-lines').click();
    await this.#page.keyboard.press('Control+A');
    // Pasted: typed, the editor would close brackets and quotes on its own account.
    await this.#page.evaluate(
      (text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
      },
      JSON.stringify(json, null, 2),
    );
  }

  // The editor below the query: variables and headers take turns there.
  #tool() {
    return this.#page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)');
  }

  async #press() {
    await this.#page.locator('.graphiql-execute-button').click();
  }
}

/** Whether this is the request of a tab, and not the one for the schema that GraphiQL sends on its own. */
function isFromTab(request) {
  if (request.method() !== 'POST' || new URL(request.url()).pathname !== '/graphql') return false;
  return request.postDataJSON().operationName !== 'IntrospectionQuery';
}
