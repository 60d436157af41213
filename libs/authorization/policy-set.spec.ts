import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { isAuthorized, policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs';
import { defaultPolicySet, mayAct, policySetProblems, unreachableActions, type AccessDecision, type AccessRequest } from './policy-set.ts';

const table = { StartDeployment: ['deployer'], GrantApproval: ['approver'], RegisterArtifact: ['developer', 'service'], RequestRole: [] };
const builtIn = defaultPolicySet(table);
const actions = Object.keys(table);
const asked = (action: string, roles: readonly string[], more: Partial<AccessRequest> = {}): AccessRequest => ({
  person: 'dora',
  roles,
  bot: false,
  action,
  resource: {},
  now: '2026-03-02T10:00:00.000Z',
  ...more,
});

/** By Cedar alone, with every policy of the set. */
function wholeSet(
  set: string,
  asked: {
    readonly action: string;
    readonly roles: readonly string[];
    readonly bot: boolean;
    readonly vouches: boolean;
    readonly environment: string | undefined;
  },
): AccessDecision {
  const [principal, action, resource] = [
    { type: 'Person', id: 'dora' },
    { type: 'Action', id: asked.action },
    { type: 'Resource', id: 'asked' },
  ];
  const always =
    '@id("programs-do-not-approve") forbid (principal, action in Action::"Confirming", resource) when { principal.bot || principal.roles.contains("service") };';
  const parts = policySetTextToParts(`${set}\n${always}`);
  if (parts.type === 'failure') throw new Error('The set is not one.');
  const answer = isAuthorized({
    principal,
    action,
    resource,
    context: { now: { __extn: { fn: 'datetime', arg: '2026-03-02T10:00:00.000Z' } } },
    policies: { staticPolicies: Object.fromEntries(parts.policies.map((text) => [/@id\("([^"]+)"\)/.exec(text)![1]!, text])) },
    entities: [
      { uid: principal, attrs: { roles: [...asked.roles], bot: asked.bot }, parents: [] },
      { uid: resource, attrs: asked.environment ? { environment: asked.environment } : {}, parents: [] },
      { uid: action, attrs: {}, parents: asked.vouches ? [{ type: 'Action', id: 'Confirming' }] : [] },
    ],
  });
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const { decision, diagnostics } = answer.response;
  const errors = diagnostics.errors.map((e) => `${e.policyId}: ${e.error.message}`).sort();
  return { allowed: decision === 'allow' && errors.length === 0, policies: [...diagnostics.reason].sort(), errors };
}

describe('The policies on roles', () => {
  it('let those with a role that the table names, and say by which policy', () => {
    expect(mayAct(builtIn, asked('StartDeployment', ['deployer']))).toEqual({ allowed: true, policies: ['StartDeployment'], errors: [] });
    expect(mayAct(builtIn, asked('StartDeployment', ['approver']))).toEqual({ allowed: false, policies: [], errors: [] });
    expect(mayAct(builtIn, asked('RequestRole', []))).toMatchObject({ allowed: true });
    expect(mayAct(builtIn, asked('Unheard', ['deployer', 'identity-admin']))).toMatchObject({ allowed: false });
  });

  it('agree with the table for all roles and actions', () => {
    const roles = fc.subarray(['deployer', 'approver', 'developer', 'auditor', 'release-manager']);
    fc.assert(
      fc.property(roles, fc.constantFrom(...(Object.keys(table) as (keyof typeof table)[])), (held, action) => {
        const needed: readonly string[] = table[action];
        expect(mayAct(builtIn, asked(action, held)).allowed).toBe(needed.length === 0 || needed.some((r) => held.includes(r)));
      }),
    );
  });

  it('forbid programs to vouch in every set, whatever it permits and whatever the action is called', () => {
    const open = 'permit (principal, action, resource);';
    const vouches = { vouches: true };
    for (const action of ['GrantApproval', 'VoteOnChange', 'Confirm']) {
      expect(mayAct(open, asked(action, ['approver'], { ...vouches, bot: true }))).toEqual({
        allowed: false,
        policies: ['programs-do-not-approve'],
        errors: [],
      });
      expect(mayAct(open, asked(action, ['approver', 'service'], vouches)).allowed).toBe(false);
      expect(mayAct(open, asked(action, ['approver'], vouches)).allowed).toBe(true);
      expect(mayAct(open, asked(action, ['service'], { bot: true })).allowed).toBe(true);
    }
  });

  it('decide as Cedar does on the whole set, whatever actions their heads name', () => {
    const head = fc.constantFrom(
      'action',
      ...actions.flatMap((a) => [`action == Action::"${a}"`, `action in [Action::"${a}", Action::"Other"]`]),
    );
    const when = fc.constantFrom(
      '',
      'when { principal.bot }',
      'when { resource.environment == "production" }',
      'unless { principal.roles.contains("approver") }',
    );
    const policy = fc.tuple(fc.constantFrom('permit', 'permit', 'forbid'), head, when);
    const request = fc.record({
      action: fc.constantFrom(...actions, 'Other'),
      roles: fc.subarray(['approver', 'service']),
      bot: fc.boolean(),
      vouches: fc.boolean(),
      environment: fc.constantFrom(undefined, 'production'),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 6 }), fc.array(request, { minLength: 1, maxLength: 4 }), (policies, requests) => {
        const set = policies
          .map(([effect, action, condition], n) => `@id("p${n}") ${effect} (principal, ${action}, resource) ${condition};`)
          .join('\n');
        for (const { action, roles, environment, ...more } of requests) {
          const said = mayAct(set, asked(action, roles, { ...more, resource: environment ? { environment } : {} }));
          expect(said).toEqual(wholeSet(set, { action, roles, environment, ...more }));
          seen.add(`${said.allowed} ${said.policies.length > 0} ${said.errors.length > 0}`);
        }
      }),
    );
    // Permitted, forbidden, not permitted, and not to be evaluated.
    expect([...seen].sort()).toEqual(expect.arrayContaining(['false false false', 'false true false', 'true true false']));
    expect([...seen].some((kind) => kind.endsWith('true'))).toBe(true);
  });

  it('are still known by their set after many others', () => {
    for (let n = 0; n < 600; n++) {
      const set = `permit (principal, action == Action::"A${n}", resource);`;
      expect(mayAct(set, asked(`A${n}`, [])).allowed).toBe(true);
      expect(mayAct(builtIn, asked('StartDeployment', ['deployer'])).allowed).toBe(true);
    }
    expect(mayAct('permit (principal, action == Action::"A0", resource);', asked('A0', [])).allowed).toBe(true);
    expect(mayAct('permit (principal, action == Action::"A0", resource);', asked('A1', [])).allowed).toBe(false);
  });

  it('see environment, service and time', () => {
    const set = `permit (principal, action, resource)
      when { resource has environment && resource.environment == "staging" && context.now < datetime("2026-06-01") };`;
    expect(mayAct(set, asked('StartDeployment', [], { resource: { environment: 'staging' } })).allowed).toBe(true);
    expect(mayAct(set, asked('StartDeployment', [], { resource: { environment: 'production' } })).allowed).toBe(false);
    const later = { resource: { environment: 'staging' }, now: '2026-06-01T00:00:00.000Z' };
    expect(mayAct(set, asked('StartDeployment', [], later)).allowed).toBe(false);
  });

  it('allow nothing where one of them can not be evaluated', () => {
    const broken = `${builtIn}\nforbid (principal, action, resource) when { resource.environment == "frozen" };`;
    const answer = mayAct(broken, asked('StartDeployment', ['deployer']));
    expect(answer.allowed).toBe(false);
    expect(answer.errors).toHaveLength(1);
    expect(mayAct(broken, asked('StartDeployment', ['deployer'], { resource: { environment: 'thawed' } })).allowed).toBe(true);
  });

  it('are kept apart by their text, however many there were', () => {
    const sets = Array.from({ length: 40 }, (_, n) => `permit (principal, action == Action::"A${n}", resource);`);
    for (const round of [0, 1]) {
      sets.forEach((set, n) => {
        expect(mayAct(set, asked(`A${n}`, [])).allowed).toBe(true);
        expect(mayAct(set, asked(`A${n + 1 + round}`, [])).allowed).toBe(false);
      });
    }
  });
});

describe('Policies that are to be published', () => {
  it('are right as the program makes them', () => {
    expect(policySetProblems(builtIn, actions)).toEqual([]);
    expect(policySetProblems('permit (principal, action in Action::"Confirming", resource);', actions, ['GrantApproval'])).toEqual([]);
    expect(unreachableActions(builtIn, actions, ['deployer', 'approver', 'developer'])).toEqual([]);
  });

  it.each([
    ['a misspelt action', 'permit (principal, action == Action::"StartDeployement", resource);'],
    ['an unknown attribute', 'permit (principal, action, resource) when { principal.admin };'],
    ['an attribute that may be absent', 'permit (principal, action, resource) when { resource.environment == "x" };'],
    ['a wrong type', 'permit (principal, action, resource) when { principal.roles == "approver" };'],
    ['no policy language', 'let everyone in'],
    ['a template', 'permit (principal == ?principal, action, resource);'],
    ['an id twice', '@id("a") permit (principal, action, resource); @id("a") permit (principal, action, resource);'],
    ['too much text', `// ${'x'.repeat(70_000)}`],
  ])('are refused for %s', (_what, text) => {
    expect(policySetProblems(text, actions)).not.toEqual([]);
  });

  it('are found to let nobody do something', () => {
    const shut = `${builtIn}\nforbid (principal, action == Action::"StartDeployment", resource);`;
    expect(unreachableActions(shut, actions, ['deployer', 'approver', 'developer'])).toEqual(['StartDeployment']);
  });
});

describe('Cedar, which is WebAssembly', () => {
  it('may be called while V8 undoes what it had optimised: without the flag that is set beside its import, this ends the process', () => {
    setFlagsFromString('--allow-natives-syntax');
    // A word for V8, which is no JavaScript.
    const undo = new Function('f', '%DeoptimizeFunction(f)') as (f: unknown) => void;
    setFlagsFromString('--no-allow-natives-syntax');
    let undoing = false;
    const decide = (call: Parameters<typeof isAuthorized>[0]): string => isAuthorized(call).type;
    const call: Parameters<typeof isAuthorized>[0] = {
      principal: { type: 'Person', id: 'dora' },
      action: { type: 'Action', id: 'Any' },
      resource: { type: 'Resource', id: 'asked' },
      get context() {
        if (undoing) for (const f of [decide, isAuthorized]) undo(f);
        return {};
      },
      policies: { staticPolicies: { open: 'permit (principal, action, resource);' } },
      entities: [],
    };
    for (let round = 0; round < 3; round++) {
      undoing = false;
      for (let n = 0; n < 4_000; n++) decide(call);
      undoing = true;
      expect(decide(call)).toBe('success');
    }
  }, 60_000);
});
