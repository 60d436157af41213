import type { TextSealer } from '#libs/event-sourcing';
import { openText, sealedParts, sealText } from './sealed-text.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** Opens sealed text for whoever may read it now. */
export interface TextRevealer {
  /**
   * The texts with their sealed parts opened, in their order; `(erased)` for those whose key is gone.
   *
   * @param escape makes of an opened part what it has to be where the text stands
   */
  reveal(texts: readonly string[], escape?: (opened: string) => string): Promise<readonly string[]>;
}

/** Seals and opens text with the keys that there are at that moment. */
export class TextKeeper implements TextSealer, TextRevealer {
  constructor(private readonly keys: SubjectKeys) {}

  async seal(text: string, subjects: readonly string[]): Promise<string> {
    return sealText(text, await this.keys.of(subjects));
  }

  async reveal(texts: readonly string[], escape?: (opened: string) => string): Promise<readonly string[]> {
    const ids = new Set(texts.flatMap((text) => sealedParts(text).flatMap(({ keyIds }) => keyIds)));
    if (ids.size === 0) return texts;
    const keys = await this.keys.byId([...ids]);
    return texts.map((text) => openText(text, keys, escape));
  }
}
