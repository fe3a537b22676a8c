// What the server knows, live: one snapshot, then its changes; a snapshot again when too far behind.

/** Call the sandbox; an answer that is no success is an Error with its words. */
export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, options);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error?.message ?? told.error ?? `HTTP ${answer.status}`);
  return told;
}

/** Follows the sandbox: `watcher.snapshot(…)`, `watcher.update(…)`, `watcher.line(isLive)`. */
export class Store {
  constructor(watcher) {
    this.watcher = watcher;
    this.find = "";
    this.source = null;
    this.pending = [];
    this.turn = 0;
  }

  /** Load what matches, and follow from there. */
  async load(find = this.find) {
    this.find = find;
    const turn = ++this.turn;
    let snapshot;
    try {
      snapshot = await call("GET", `/sandbox/phones?find=${encodeURIComponent(find)}`);
    } catch {
      this.watcher.line(false);
      setTimeout(() => turn === this.turn && this.load(), 1000);
      return;
    }
    if (turn !== this.turn) return;
    this.pending = [];
    this.watcher.snapshot(snapshot);
    this.follow(snapshot.place);
  }

  follow(place) {
    this.source?.close();
    const source = new EventSource(`/sandbox/events?after=${encodeURIComponent(place)}`);
    this.source = source;
    source.onopen = () => this.watcher.line(true);
    source.onmessage = (event) => this.gather(JSON.parse(event.data));
    source.addEventListener("stale", () => {
      source.close();
      this.load();
    });
    source.onerror = () => {
      this.watcher.line(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => source === this.source && this.load(), 1000);
    };
  }

  // Drawn once per frame, however many updates came; a tab that nobody sees draws nothing.
  gather(update) {
    this.pending.push(update);
    if (this.pending.length > 1) {
      if (this.pending.length > 200) this.load();
      return;
    }
    requestAnimationFrame(() => {
      const updates = this.pending;
      this.pending = [];
      for (const one of updates) this.watcher.update(one);
    });
  }
}
