// A subscription that is cut and comes back: what every client on a train does, as often as a test likes.
import { connect } from './parlor.mjs';

/** How a connection can end in the middle of a reply. Each is somebody's bad day. */
export const CUTS = [
  'drop', // the process dies: TCP ends without a WebSocket close
  'reset', // the network gives up: TCP reset
  'retry', // TCP ends, and graphql-ws itself reconnects and subscribes again
  'complete', // the page is left: the operation is completed, the socket stays
  'stall', // the train enters a tunnel: the socket stays open and nobody reads
];

const PATIENCE_MS = 30_000;

export class Watcher {
  /** How many times the connection was cut. */
  cuts = 0;
  #person;
  #request;
  #take;
  #onReturn;
  #client;
  #abandoned = [];
  #unsubscribe = () => {};
  #subscription = 0;
  #muted = true;
  #left = Infinity;
  #retryPause = 0;
  #failure;
  #waiting = new Set();

  /**
   * `request`: the subscription; its variable `after` should be a getter, so that each attempt starts at the newest
   * cursor. `take`: called with the data of each event. `onReturn`: called before the first event of each later
   * subscription.
   */
  constructor(person, request, take, onReturn = () => {}) {
    this.#person = person;
    this.#request = request;
    this.#take = take;
    this.#onReturn = onReturn;
    this.#client = this.#connect();
    this.#subscribe();
  }

  /** Waits until `condition` holds; it is looked at after every event. */
  until(condition, what) {
    return this.#wait((resolve) => condition() && resolve(), what);
  }

  /** Waits until `events` more have come or `ms` have passed, whichever is first, and cuts there, to the event. */
  async cutAfter({ kind, events, ms, pauseMs }) {
    this.#left = events;
    let timer;
    await this.#wait((resolve) => {
      timer ??= setTimeout(() => {
        this.#left = 0;
        this.#muted = true;
        resolve();
      }, ms);
      if (this.#left === 0) resolve();
    }, 'a cut').finally(() => clearTimeout(timer));
    this.#left = Infinity;
    this.#muted = true;
    this.cuts += 1;
    await this.#cut(kind, pauseMs);
  }

  close() {
    this.#muted = true;
    this.#subscription += 1;
    this.#unsubscribe();
    for (const client of [...this.#abandoned, this.#client]) {
      client.dispose().catch(() => {}); // It may still have been connecting.
      client.drop();
    }
  }

  async #cut(kind, pauseMs) {
    if (kind === 'retry') {
      // The library does the rest; `connected` below lets its events in again.
      this.#retryPause = pauseMs;
      this.#client.drop();
      return;
    }
    this.#subscription += 1;
    if (kind === 'complete') {
      this.#unsubscribe();
    } else {
      this.#client[kind]();
      this.#abandoned.push(this.#client);
      // Or the library would come back by itself, beside the new connection.
      if (kind !== 'stall') this.#unsubscribe();
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (kind !== 'complete') this.#client = this.#connect();
    this.#onReturn();
    this.#subscribe();
  }

  #connect() {
    let before = false;
    const client = connect(this.#person, {
      lazyCloseTimeout: 5_000,
      retryAttempts: 100,
      shouldRetry: () => true,
      retryWait: () => new Promise((resolve) => setTimeout(resolve, this.#retryPause)),
      on: {
        connected: () => {
          if (client === this.#client) {
            if (before) this.#onReturn();
            // Also the first time: a cut may come before the connection does.
            this.#muted = false;
          }
          before = true;
        },
      },
    });
    return client;
  }

  #subscribe() {
    this.#subscription += 1;
    const subscription = this.#subscription;
    const current = (action) => (value) => subscription === this.#subscription && action(value);
    this.#muted = false;
    this.#unsubscribe = this.#client.subscribe(this.#request, {
      next: current((result) => this.#next(result)),
      error: current((error) => this.#fail(`the subscription failed: ${describe(error)}`)),
      complete: current(() => this.#fail('the subscription completed of itself')),
    });
  }

  #next({ data, errors }) {
    // What comes after the cut was still in some buffer: a client that is gone does not see it.
    if (this.#muted) return;
    if (errors) return this.#fail(`an event with errors: ${JSON.stringify(errors)}`);
    this.#take(data);
    this.#left -= 1;
    if (this.#left <= 0) this.#muted = true;
    this.#wake();
  }

  #fail(reason) {
    this.#failure ??= new Error(reason);
    this.#wake();
  }

  #wake() {
    for (const look of [...this.#waiting]) look();
  }

  async #wait(look, what) {
    let entry;
    let timer;
    try {
      await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`)), PATIENCE_MS);
        entry = () => (this.#failure ? reject(this.#failure) : look(resolve));
        this.#waiting.add(entry);
        entry();
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(entry);
    }
  }
}

function describe(error) {
  if (Array.isArray(error)) return JSON.stringify(error);
  return error?.message || `closed with ${error?.code} ${error?.reason ?? ''}`;
}
