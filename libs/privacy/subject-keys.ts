/** A key of one person. */
export interface SubjectKey {
  /** UUID, drawn with the key: it says nothing of whose the key is. */
  readonly id: string;
  /** 32 random bytes. */
  readonly key: Buffer;
}

/** The keys that text about persons is sealed with, kept outside of the event log: what is in the log can't be destroyed, a key can. */
export interface SubjectKeys {
  /** The key of each subject, in their order; made where there is none. Of several makers at once, all get the same. */
  of(subjects: readonly string[]): Promise<readonly SubjectKey[]>;
  /** The keys with these ids that are still there. */
  byId(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
}
