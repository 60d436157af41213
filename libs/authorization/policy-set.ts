import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import {
  checkParsePolicySet,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';

// V8 (11.3, of Node 20) ends the process where it has inlined a call of WebAssembly that gives back an object, and has to undo that while the call
// is under way, as it did after some hundred decisions of Cedar: TranslatedValueForWasmReturnKind knows numbers alone.
setFlagsFromString('--no-turbo-inline-js-wasm-calls');

/** Which roles an action needs: any of them; an empty list lets everyone who is known. */
export type ActionTable = Readonly<Record<string, readonly string[]>>;

/** Everything a decision on roles rests on. */
export interface AccessRequest {
  readonly person: string;
  /** Roles in force, of scopes that cover the resource; see `rolesFor` of `#libs/identity`. */
  readonly roles: readonly string[];
  /** A program acts, in whoever's name. */
  readonly bot: boolean;
  /** Name of the command, or of what is asked. */
  readonly action: string;
  /** By the action one person vouches for what another one asked or did. */
  readonly vouches?: boolean;
  readonly resource: { readonly environment?: string; readonly service?: string; readonly team?: string };
  /** ISO 8601, UTC. */
  readonly now: string;
}

export interface AccessDecision {
  readonly allowed: boolean;
  /** Ids of the policies that decided: those that permit, or that forbid; none where nothing permits. */
  readonly policies: readonly string[];
  /** Policies that could not be evaluated; they count as not there, and a set that has some allows nothing. */
  readonly errors: readonly string[];
}

/** The most text that a set of policies may have, characters. */
export const MAX_POLICY_TEXT = 64 * 1024;

/** In every set, whatever is published: programs vouch for nothing and nobody, whatever the action is called. */
const ALWAYS = `@id("programs-do-not-approve")
forbid (principal, action in Action::"Confirming", resource)
when { principal.bot || principal.roles.contains("service") };
`;

/** The set that holds until another is published: each action for the roles that the table names, and nothing else. */
export function defaultPolicySet(table: ActionTable): string {
  return Object.keys(table)
    .sort()
    .map((action) => {
      const roles = [...(table[action] ?? [])].sort().map((role) => JSON.stringify(role));
      const when = roles.length > 0 ? `\nwhen { principal.roles.containsAny([${roles.join(', ')}]) }` : '';
      return `@id(${JSON.stringify(action)})\npermit (principal, action == Action::${JSON.stringify(action)}, resource)${when};\n`;
    })
    .join('\n');
}

/**
 * What is wrong with a set of policies, each as a sentence; empty where it can be published. Beside syntax and types (Cedar's strict
 * validation against our schema) it finds actions that there are not.
 *
 * @param vouching those of the actions by which one person vouches for what another one asked or did
 */
export function policySetProblems(text: string, actions: readonly string[], vouching: readonly string[] = []): readonly string[] {
  if (text.length > MAX_POLICY_TEXT) return [`The policies have ${text.length} characters; at most ${MAX_POLICY_TEXT} are taken.`];
  const parsed = checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') return parsed.errors.map((e) => e.message);
  const policies = named(text);
  if ('problem' in policies) return [policies.problem];
  const answer = validate({ schema: schemaOf(actions, vouching), policies: { staticPolicies: policies.byId } });
  if (answer.type === 'failure') return answer.errors.map((e) => e.message);
  return answer.validationErrors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
}

/** Actions that no policy of a set permits to anybody with any one role: published like this, nobody can do them. */
export function unreachableActions(text: string, actions: readonly string[], roles: readonly string[]): readonly string[] {
  const holds = [[], ...roles.map((role) => [role]), [...roles]];
  const resource = { environment: 'any', service: 'any', team: 'any' };
  return actions.filter((action) =>
    holds.every(
      (held) => !mayAct(text, { person: 'somebody', roles: held, bot: false, action, resource, now: '2026-01-01T00:00:00.000Z' }).allowed,
    ),
  );
}

/** Decides by a set of policies. The same set and request give the same answer. Nothing permitted, or anything forbidden, is a no. */
export function mayAct(text: string, request: AccessRequest): AccessDecision {
  const principal = { type: 'Person', id: request.person };
  const resource = { type: 'Resource', id: 'asked' };
  const action = { type: 'Action', id: request.action };
  const { environment, service, team } = request.resource;
  const answer = statefulIsAuthorized({
    principal,
    action,
    resource,
    context: { now: { __extn: { fn: 'datetime', arg: request.now } } },
    preparsedPolicySetId: prepared(text, request.action),
    entities: [
      { uid: principal, attrs: { roles: [...request.roles], bot: request.bot }, parents: [] },
      {
        uid: resource,
        attrs: {
          ...(environment === undefined ? {} : { environment }),
          ...(service === undefined ? {} : { service }),
          ...(team === undefined ? {} : { team }),
        },
        parents: [],
      },
      { uid: action, attrs: {}, parents: request.vouches ? [{ type: 'Action', id: 'Confirming' }] : [] },
    ],
  });
  if (answer.type === 'failure') return { allowed: false, policies: [], errors: answer.errors.map((e) => e.message) };
  const { decision, diagnostics } = answer.response;
  const errors = diagnostics.errors.map((e) => `${e.policyId}: ${e.error.message}`).sort();
  return { allowed: decision === 'allow' && errors.length === 0, policies: [...diagnostics.reason].sort(), errors };
}

/** Whether a set that was published speaks of an action by this name. */
export function namesAction(text: string, action: string): boolean {
  const key = `${policySetHash(text)} ${action}`;
  const known = spoken.get(key);
  if (known !== undefined) return known;
  const policies = named(text);
  const speaks =
    !('problem' in policies) &&
    Object.values(policies.byId).some((policy) => {
      const json = policyToJson(policy);
      return json.type === 'success' && speaksOf(json.json, action);
    });
  if (spoken.size >= MOST_SPOKEN) spoken.clear();
  spoken.set(key, speaks);
  return speaks;
}

/** Reading a set takes milliseconds, and is asked for with every request. */
const MOST_SPOKEN = 256;
const spoken = new Map<string, boolean>();

function speaksOf(part: unknown, action: string): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { type, id } = part as { readonly type?: unknown; readonly id?: unknown };
  return (type === 'Action' && id === action) || Object.values(part).some((inner) => speaksOf(inner, action));
}

/** SHA-256 (hex) of a set's text: what a decision cites. */
export function policySetHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What can bear on an action is prepared once; some are kept, since queries of the past ask for old sets. */
const SLOTS = 512;
const sets = new Map<string, { readonly policies: Policies; readonly slots: Map<string, string> }>();
const taken: (() => void)[] = [];
let prepares = 0;

/**
 * The policies of a set that can bear on an action: all but those whose head names another one. Cedar looks at the head first, so that these
 * neither decide nor fail; but it looks at every one, and a set has one for each of over a hundred actions.
 */
function prepared(text: string, action: string): string {
  const known = sets.get(text);
  const slot = known?.slots.get(action);
  if (slot !== undefined) return slot;
  const policies = known?.policies ?? named(`${text}\n${ALWAYS}`);
  if ('problem' in policies) throw new Error(policies.problem);
  const bearing = Object.entries(policies.byId).filter(([id]) => (policies.only[id] ?? action) === action);
  const number = prepares++ % SLOTS;
  taken[number]?.();
  const made = `set-${number}`;
  const answer = preparsePolicySet(made, { staticPolicies: Object.fromEntries(bearing) });
  if (answer.type === 'failure') throw new Error(`The policies can't be read: ${answer.errors.map((e) => e.message).join(' ')}`);
  const set = sets.get(text) ?? { policies, slots: new Map<string, string>() };
  sets.set(text, set);
  set.slots.set(action, made);
  taken[number] = () => {
    set.slots.delete(action);
    if (set.slots.size === 0) sets.delete(text);
  };
  return made;
}

interface Policies {
  readonly byId: Record<string, string>;
  /** The action that a policy's head names, of those that name one. */
  readonly only: Readonly<Record<string, string>>;
}

/** The policies of a text by their `@id`, or by their place where they have none. */
function named(text: string): Policies | { readonly problem: string } {
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure') return { problem: parts.errors.map((e) => e.message).join(' ') };
  if (parts.policy_templates.length > 0) return { problem: 'Templates are not taken: write each policy out.' };
  const byId: Record<string, string> = Object.create(null) as Record<string, string>;
  const only: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [place, policy] of parts.policies.entries()) {
    const json = policyToJson(policy);
    if (json.type === 'failure') return { problem: json.errors.map((e) => e.message).join(' ') };
    const id = json.json.annotations?.['id'] ?? `policy-${place + 1}`;
    if (id in byId) return { problem: `Two policies have the id ${id}.` };
    byId[id] = policy;
    const { action } = json.json;
    if (action.op === '==' && 'entity' in action && 'id' in action.entity && action.entity.type === 'Action') only[id] = action.entity.id;
  }
  return { byId: { ...byId }, only };
}

function schemaOf(actions: readonly string[], vouching: readonly string[]): string {
  const applies = 'appliesTo { principal: Person, resource: Resource, context: { now: datetime } };';
  return [
    'entity Person = { roles: Set<String>, bot: Bool };',
    'entity Resource = { environment?: String, service?: String, team?: String };',
    'action "Confirming";',
    ...actions.map((a) => `action ${JSON.stringify(a)} ${vouching.includes(a) ? 'in ["Confirming"] ' : ''}${applies}`),
  ].join('\n');
}
