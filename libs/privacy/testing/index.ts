import { randomBytes, randomUUID } from 'node:crypto';
import type { SubjectKey, SubjectKeys } from '#libs/privacy';

/** Keys of persons in memory, for tests. */
export class MemorySubjectKeys implements SubjectKeys {
  private readonly keys = new Map<string, SubjectKey>();

  async of(subjects: readonly string[]): Promise<readonly SubjectKey[]> {
    return subjects.map((subject) => {
      const key = this.keys.get(subject) ?? { id: randomUUID(), key: randomBytes(32) };
      this.keys.set(subject, key);
      return key;
    });
  }

  async byId(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    return new Map([...this.keys.values()].filter(({ id }) => ids.includes(id)).map(({ id, key }) => [id, key]));
  }

  /** As if the person were erased. */
  forget(subject: string): void {
    this.keys.delete(subject);
  }
}
