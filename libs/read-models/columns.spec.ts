import { normaliseValue, storable } from './columns.ts';

describe('A value that Postgres can not keep', () => {
  it('is kept with a visible sign in the place of what it can not keep', () => {
    expect(normaliseValue('text', 'a\0b')).toBe('a\u2400b');
    expect(normaliseValue('jsonb', { log: ['\0', { 'k\0': '\ud800 half' }] })).toEqual({ log: ['\u2400', { 'k\u2400': '\ufffd half' }] });
  });

  it('is the same once it was made keepable', () => {
    const once = storable({ log: '\0\udfff' });
    expect(storable(once)).toBe(once);
  });

  it('is told from what only looks like it, which stays the very same value', () => {
    const value = { path: String.raw`C:\u0000`, emoji: '🚢', tab: '\t', none: null };
    expect(storable(value)).toEqual(value);
    expect(storable({ emoji: '🚢' })).toEqual({ emoji: '🚢' });
  });
});
