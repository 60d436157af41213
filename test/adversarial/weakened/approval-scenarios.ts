import type { Answer, Person } from '../../support/running-app.ts';
import { ISSUER, ok, personId, problemOf, step, type Planned, type Stage } from '../stage.ts';
import type { Attempt, Product, Scenario } from './scenario.ts';

/** Whether a deployment starts on what was approved, if it was. */
async function startsOn(stage: Stage, release: Planned, granted: Answer): Promise<Attempt> {
  const started = await stage.start(stage.dan, release);
  return {
    succeeded: started.status < 300,
    what: `before: ${problemOf(granted) ?? 'accepted'}; start: ${problemOf(started) ?? 'started'}`,
  };
}

/** Anna approves, dan deploys. */
async function approvedAndStarted(product: Product, name: string): Promise<void> {
  const stage = await product.stage();
  const release = await stage.planned(product.name(name));
  ok(await stage.grant(stage.anna, await stage.request(release)));
  ok(await stage.start(stage.dan, release));
}

const approvedBy = (name: string, who: (stage: Stage) => Person): Scenario => ({
  legitimate: (product) => approvedAndStarted(product, name),
  attack: async (product) => {
    const stage = await product.stage();
    const release = await stage.planned(product.name(name));
    return await startsOn(stage, release, await stage.grant(who(stage), await stage.request(release)));
  },
});

/** Rita asks for the approval, and gives it. */
export const selfApproval = approvedBy('self', (stage) => stage.rita);
/** Ada wrote it. */
export const authorApproves = approvedBy('author', (stage) => stage.ada);

/** A program with the role of an approver. */
export const programApproves: Scenario = {
  legitimate: (product) => approvedAndStarted(product, 'robot'),
  attack: async (product) => {
    const stage = await product.stage();
    const release = await stage.planned(product.name('robot'));
    const robot = await stage.app.person('robot', 'approver', 'service');
    return await startsOn(stage, release, await stage.grant(robot, await stage.request(release)));
  },
};

/** Approved is one digest; deployed would be another of the same release. */
export const replayedOnAnotherDigest: Scenario = {
  legitimate: (product) => approvedAndStarted(product, 'replayed'),
  attack: async (product) => {
    const stage = await product.stage();
    const name = product.name('replayed');
    const release = await stage.planned(name);
    const granted = await stage.grant(stage.anna, await stage.request(release));
    const { id } = ok(await stage.artifact(name, '1.0.1', 'e'));
    ok(await stage.ada.post(`/v1/planning/releases/${release.releaseId}/amend`, { artifactIds: [id] }));
    return await startsOn(stage, release, granted);
  },
};

/** The plan gets another step after it was approved. */
export const editedAfterApproval: Scenario = {
  legitimate: (product) => approvedAndStarted(product, 'edited'),
  attack: async (product) => {
    const stage = await product.stage();
    const release = await stage.planned(product.name('edited'));
    const granted = await stage.grant(stage.anna, await stage.request(release));
    ok(await stage.plan(release, [step('a'), step('sly')]));
    return await startsOn(stage, release, granted);
  },
};

/** Anna approves and deploys. */
export const approverDeploys: Scenario = {
  legitimate: (product) => approvedAndStarted(product, 'deployer'),
  attack: async (product) => {
    const stage = await product.stage();
    const release = await stage.planned(product.name('deployer'));
    ok(await stage.grant(stage.anna, await stage.request(release)));
    const started = await stage.start(stage.anna, release);
    return { succeeded: started.status < 300, what: problemOf(started) ?? 'started' };
  },
};

const until = (): string => new Date(Date.now() + 30 * 86_400_000).toISOString();
const EVERYWHERE = { kind: 'organisation', id: '*' };

/** Two administrators of identities, as a new Plimsoll gets them: the first is confirmed by nobody, the second by the first. */
async function administrators(stage: Stage): Promise<{ readonly root: Person; readonly second: Person; readonly secondId: string }> {
  const root = await stage.app.person('root', 'identity-admin');
  const second = await stage.app.person('second');
  const secondId = personId('second');
  ok(await root.post('/v1/governance/identity/bootstrap', { reason: 'The first one.' }));
  ok(await root.post('/v1/governance/persons', { person: secondId }));
  const account = { issuer: ISSUER, subject: 'second', person: secondId };
  ok(await second.post('/v1/governance/accounts', account));
  ok(await root.post('/v1/governance/accounts/confirm', account));
  await granted(stage, second, root, secondId, 'identity-admin');
  return { root, second, secondId };
}

async function granted(stage: Stage, asks: Person, confirms: Person, person: string, role: string): Promise<Answer> {
  const roles = `/v1/governance/persons/${person}/roles`;
  ok(await asks.post(roles, { role, scope: EVERYWHERE, until: until() }));
  const { pending } = ok(await asks.get(roles)) as { pending: Record<string, { role: string }> };
  const grantId = Object.keys(pending).find((id) => pending[id]?.role === role);
  return await confirms.post(`${roles}/confirm`, { grantId });
}

const GRANTS = { PLIMSOLL_ROLES_FROM: 'grants' };
const settled = new WeakMap<Stage, ReturnType<typeof administrators>>();
async function withAdministrators(product: Product) {
  const stage = await product.stage(GRANTS);
  const known = settled.get(stage) ?? administrators(stage);
  settled.set(stage, known);
  return { stage, ...(await known) };
}

/** The second administrator asks for a role for herself, and confirms it herself. */
export const selfGrantedRole: Scenario = {
  legitimate: async (product) => {
    const { stage, root, second, secondId } = await withAdministrators(product);
    ok(await granted(stage, second, root, secondId, 'auditor'));
  },
  attack: async (product) => {
    const { stage, second, secondId } = await withAdministrators(product);
    const confirmed = await granted(stage, second, second, secondId, 'deployer');
    const held = Object.values(
      ok(await second.get(`/v1/governance/persons/${secondId}/roles`)).granted as Record<string, { role: string }>,
    );
    return { succeeded: held.some(({ role }) => role === 'deployer'), what: problemOf(confirmed) ?? 'granted' };
  },
};

/** A release that nobody has approved, for an environment whose policy asks for it; and a policy that asks for nothing of the kind. */
async function withLaxPolicy(product: Product, of: string): Promise<{ stage: Stage; release: Planned; policyId: string; path: string }> {
  const stage = await product.stage();
  const name = product.name(of);
  const release = await stage.planned(name);
  const policyId = `lax-${name}`;
  const gates = [{ gate: 'artifacts-registered' }];
  ok(await stage.max.post('/v1/governance/policies', { policyId, title: 'Lax', gates, rollbackGates: [{ gate: 'rollback-target-ran' }] }));
  return { stage, release, policyId, path: `/v1/environments/environments/${release.environment}` };
}

/** Rita proposes a laxer policy, and somebody confirms it. */
async function proposedAndConfirmed(product: Product, by: (stage: Stage) => Promise<Person>): Promise<Attempt> {
  const { stage, release, policyId, path } = await withLaxPolicy(product, 'proposed');
  ok(await stage.rita.post(`${path}/proposals`, { policyId, reason: 'It is faster.' }));
  const { proposalId } = (ok(await stage.rita.get(path)) as { proposal: { proposalId: string } }).proposal;
  return await startsOn(stage, release, await (await by(stage)).post(`${path}/proposals/confirm`, { proposalId }));
}

const another = (stage: Stage): Promise<Person> => stage.app.person('ron', 'release-manager');
const bothLoosen = async (product: Product): Promise<void> => {
  const { succeeded, what } = await proposedAndConfirmed(product, another);
  if (!succeeded) throw new Error(what);
};

/** Rita gives the environment a policy that asks for no approval, by defining it so. */
export const loosenedByDefinition: Scenario = {
  legitimate: bothLoosen,
  attack: async (product) => {
    const { stage, release, policyId } = await withLaxPolicy(product, 'defined');
    const { environment } = release;
    const defined = await stage.rita.post('/v1/environments/environments', { environment, class: 'production', policyId });
    return await startsOn(stage, release, defined);
  },
};

/** Rita confirms what she proposed. */
export const loosenedByProposer: Scenario = {
  legitimate: bothLoosen,
  attack: (product) => proposedAndConfirmed(product, (stage) => Promise.resolve(stage.rita)),
};
