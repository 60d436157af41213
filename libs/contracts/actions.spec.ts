import { aboutPath, denialByOneName, formerNamesOf } from './actions.ts';

const denied = (command: string, asked: Readonly<Record<string, string>>, about: Readonly<Record<string, string>>, stream = `route-${command}`) => ({
  command, stream, about, asked, refusal: 'role-missing', kind: 'duty', detail: 'x', reasons: [],
}); // prettier-ignore

describe('the name of what was denied', () => {
  it('is one for a denial of before: for a missing role as for a rule', () => {
    const route = 'POST /v1/governance/bypasses/:id/review';
    expect(denialByOneName(denied('ReviewBypassFields', { route, id: 'b' }, { id: 'b', releaseId: 'r' }))).toMatchObject({
      command: 'ReviewBypass',
      stream: 'route-ReviewBypass',
      about: { bypassId: 'b', releaseId: 'r' },
      asked: { route, id: 'b' },
    });
    const byRule = denied('ProposeRolePolicyForActions', {}, { rolePolicy: 'organisation' }, 'rolepolicy-organisation');
    expect(denialByOneName(byRule)).toEqual({ ...byRule, command: 'ProposeRolePolicy' });
  });

  it('stays where it was one already, with everything that the denial says', () => {
    const grant = denied('GrantApproval', {}, { releaseId: 'r' }, 'approval-a');
    expect(denialByOneName(grant)).toEqual(grant);
    // A command's own field is no route, and an id that the rule named stays what it was called.
    const named = denied('StartDeployment', { releaseId: 'r' }, { id: 'x' }, 'deployment-d');
    expect(denialByOneName(named)).toEqual(named);
  });

  it('is read harmlessly where somebody wrote a denial around Plimsoll', () => {
    for (const odd of [{}, { command: 'Confirm' }, { command: 'Confirm', asked: null, about: 'x' }]) expect(denialByOneName(odd)).toBe(odd);
    expect(denialByOneName(denied('constructor', { route: 'GET /v1/toString/:id' }, { id: 'a' }))).toMatchObject({ about: { id: 'a' } });
  });

  it('is told with what an id in a path is of', () => {
    expect(aboutPath('/v1/governance/persons/:id/roles/confirm', 'p')).toEqual({ person: 'p' });
    expect(aboutPath('/v1/deployments/deployments/:id/resume', 'd')).toEqual({ deploymentId: 'd' });
    expect(aboutPath('/v1/governance/denials', undefined)).toEqual({});
    expect(formerNamesOf('ConfirmErasure')).toEqual(['Confirm']);
    expect(formerNamesOf('GrantApproval')).toEqual([]);
  });
});
