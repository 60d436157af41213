import { own, type CommandDenied } from '#libs/event-sourcing';

/** What an action was called before every action had one name: a denial for a role, or one by the rule, had this one. */
const FORMER_NAMES: Readonly<Record<string, string>> = {
  BacktestFields: 'RequestBacktest',
  ClaimAddressByKeys: 'ClaimAddress',
  Confirm: 'ConfirmErasure',
  ProposeRolePolicyForActions: 'ProposeRolePolicy',
  Receive: 'ReceiveOutsideEvent',
  Redrive: 'RedriveOutsideEvent',
  ReportAbout: 'RecordTestReport',
  Request: 'RequestErasure',
  ReviewBypassFields: 'ReviewBypass',
};

/** The names that policies on roles may know an action by which were published before. */
export function formerNamesOf(action: string): readonly string[] {
  return Object.keys(FORMER_NAMES).filter((former) => FORMER_NAMES[former] === action);
}

/** What the id in a route's path is of, as denials by the rule call it. */
const ID_OF: Readonly<Record<string, string>> = {
  approvals: 'approvalId',
  artifacts: 'artifactId',
  backtests: 'backtestId',
  boards: 'boardId',
  bypasses: 'bypassId',
  calendars: 'calendarId',
  'change-models': 'modelId',
  changes: 'changeId',
  'dead-letters': 'outsideEventId',
  deployments: 'deploymentId',
  environments: 'environment',
  groups: 'group',
  incidents: 'incidentId',
  'legal-holds': 'holdId',
  persons: 'person',
  policies: 'policyId',
  records: 'recordId',
  releases: 'releaseId',
};

/** What a request is about by its path: `/v1/governance/bypasses/:id/review` with the id b → `{ bypassId: 'b' }`. */
export function aboutPath(route: string, id: string | undefined): Readonly<Record<string, string>> {
  if (id === undefined) return {};
  const collection = /\/([a-z-]+)\/:id(?:\/|$)/.exec(route)?.[1] ?? '';
  return { [own(ID_OF, collection) ?? 'id']: id };
}

/** A denial of before: the action's name and what its id was of, as they are called since. */
export function denialByOneName(data: unknown): unknown {
  const denied = data as CommandDenied['data'];
  // Appended around Plimsoll, in whatever shape: it is read as it is.
  if (![denied.asked, denied.about].every((part) => typeof part === 'object' && part !== null)) return data;
  const command = own(FORMER_NAMES, denied.command) ?? denied.command;
  const stream = denied.stream === `route-${denied.command}` ? `route-${command}` : denied.stream;
  const { route } = denied.asked;
  const { id, ...others } = denied.about;
  const about = typeof route === 'string' ? { ...aboutPath(route, id), ...others } : denied.about;
  return { ...denied, command, stream, about };
}
