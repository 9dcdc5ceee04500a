// Unfinished children that were loaded, by themselves or for their parents: each ends with its parent.

export class LoadedChildren {
  readonly #children = new Map<string, Set<string>>();
  readonly #parents = new Map<string, string>();

  note(runId: string, parentId: string): void {
    const siblings = this.#children.get(parentId) ?? new Set();
    this.#children.set(parentId, siblings.add(runId));
    this.#parents.set(runId, parentId);
  }

  /** A run has ended, or was not taken up after all; it need not be a child. */
  forget(runId: string): void {
    const parentId = this.#parents.get(runId);
    if (parentId === undefined) return;
    this.#parents.delete(runId);
    const siblings = this.#children.get(parentId);
    siblings?.delete(runId);
    if (siblings?.size === 0) this.#children.delete(parentId);
  }

  /** The children of a run, once; nothing if it has none. */
  take(parentId: string): ReadonlySet<string> | undefined {
    const children = this.#children.get(parentId);
    this.#children.delete(parentId);
    return children;
  }
}
