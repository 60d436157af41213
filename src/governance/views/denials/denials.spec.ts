import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { APPROVAL, DEPLOYMENT, ENVIRONMENT, RELEASE, story } from '../../../../test/support/story.ts';
import { denials } from './denials.projection.ts';

describe('The denials', () => {
  it('say who asked for what, and why it was refused', () => {
    expect([...foldView(denials, history(story)).values()]).toEqual([
      {
        command_id: '00000000-0000-4000-8000-00000000dead',
        command: 'StartDeployment',
        stream: `deployment-${DEPLOYMENT}`,
        about: { releaseId: RELEASE, environment: ENVIRONMENT },
        release_id: RELEASE,
        environment: ENVIRONMENT,
        refusal: 'gates-not-passed',
        kind: 'gate',
        detail: '1 gate does not pass for production.',
        reasons: [{ code: 'gate-approved-inconclusive', detail: '1 of 2 persons approved.', evidence: [`approval-${APPROVAL}@1`] }],
        person: 'person-dan',
        principal: 'test|person-dan',
        at: '2026-03-02T10:00:09.000Z',
        position: 90n,
      },
    ]);
  });
});
