import { history } from '../../test/support/history.ts';
import { story } from '../../test/support/story.ts';
import { describeEvent } from './describe.ts';

describe('An event in words', () => {
  it('is a sentence that says who did what, also of many', () => {
    const sentences = history(story).map((event) => describeEvent(event));
    expect(sentences).toContain('person-abe approved round 1 for production: Looks right.');
    expect(sentences).toContain('StartDeployment was denied (gates-not-passed): 1 gate does not pass for production.');
    expect(sentences).toContain('The rollback to production succeeded with shop@1.0.0.');
    for (const sentence of sentences) expect(sentence).not.toMatch(/undefined|\[object/);
  });
});
