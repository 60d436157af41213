import { buildWith, trueBuild } from './build.ts';
import { Product } from './scenario.ts';
import { weakenings } from './weakenings.ts';

/**
 * What shows that the tests of attacks can fail: each attack is played on the product as it is, and, by the same function, on the product with the
 * one check removed that keeps it out. A check that moves breaks the edit that removes it, aloud.
 */
describe('the attacks that matter most', () => {
  const names = weakenings.map((weakening) => [weakening.attack, weakening] as const);

  describe('on the product as it is', () => {
    const product = new Product(trueBuild);
    afterAll(() => product.stop());

    it.each(names)('%s: refused, and the same thing done rightly is accepted', async (_attack, { scenario }) => {
      await scenario.legitimate(product);
      const { succeeded, what } = await scenario.attack(product);
      expect({ succeeded, what }).toEqual({ succeeded: false, what });
    });
  });

  describe('with one check removed', () => {
    it.each(names)('%s: succeeds', async (_attack, { scenario, edits }) => {
      const product = new Product(buildWith(edits));
      try {
        await scenario.legitimate(product);
        const { succeeded, what } = await scenario.attack(product);
        expect({ succeeded, what }).toEqual({ succeeded: true, what });
      } finally {
        await product.stop();
      }
    });
  });

  it('are at least twelve, and no two are one', () => {
    expect(weakenings.length).toBeGreaterThanOrEqual(12);
    expect(new Set(weakenings.map(({ attack }) => attack)).size).toBe(weakenings.length);
    expect(new Set(weakenings.map(({ edits }) => JSON.stringify(edits))).size).toBe(weakenings.length);
  });

  it.each([
    ['is gone', 'nothing like it', 'libs/policy/tuple.ts has 0 times'],
    ['is there more than once', 'import ', /libs\/policy\/tuple\.ts has ([2-9]|\d\d+) times/],
  ])('are not played where the check that is to be removed %s', (_how, find, said) => {
    expect(() => buildWith([{ file: 'libs/policy/tuple.ts', find, replace: '' }])).toThrow(said);
  });

  it('are refused again by a build without an edit: it is the edit that lets them in, and not the build', async () => {
    const product = new Product(buildWith([]));
    try {
      const { scenario } = weakenings[0]!;
      expect(await scenario.attack(product)).toMatchObject({ succeeded: false, what: expect.stringContaining('duties-not-separated') });
    } finally {
      await product.stop();
    }
  });
});
