import { ownershipId, type ApprovalEvent, type ChangeEvent, type DeploymentEvent, type ReleaseEvent } from '#libs/contracts';
import { aheadFor, type Aggregate, type ReadAggregate } from '#libs/event-sourcing';
import type { ScopedResource } from '#libs/identity';
import { ownership } from '../ownership/ownership.ts';

/** What of other streams says what an action is about. */
interface Place {
  readonly environment?: string;
  readonly releaseId?: string;
  readonly product?: string;
}

const approvalPlace: Aggregate<Place, ApprovalEvent> = {
  category: 'approval',
  initial: {},
  evolve: (state, { data }) => ('releaseId' in data ? { environment: data.environment, releaseId: data.releaseId } : state),
};

const changePlace: Aggregate<Place, ChangeEvent> = {
  category: 'change',
  initial: {},
  evolve: (_state, { data }) => ({ environment: data.environment, releaseId: data.releaseId }),
};

const deploymentPlace: Aggregate<Place, DeploymentEvent> = {
  category: 'deployment',
  initial: {},
  evolve: (state, { type, data }) => (type === 'DeploymentStarted' ? { environment: data.environment, releaseId: data.releaseId } : state),
};

const releasePlace: Aggregate<Place, ReleaseEvent> = {
  category: 'release',
  initial: {},
  evolve: (state, { type, data }) => (type === 'ReleaseComposed' ? { product: data.product } : state),
};

const NAME = /^[a-z0-9@][a-z0-9._/@-]{0,199}$/i;
const ID = /^[A-Za-z0-9-]{1,64}$/;

/**
 * What a request is about, from its path, its streams and the fields that name what it is about. A field that the command does not have gets
 * the request refused later, so that naming one buys nothing. What can't be known stays unknown, and is covered by the organisation's scope alone.
 */
export async function resourceOf(
  log: ReadAggregate,
  request: { readonly route: string; readonly parameters: Readonly<Record<string, string>>; readonly body: unknown },
): Promise<{ readonly resource: ScopedResource; readonly releaseId?: string }> {
  const named = (field: string, pattern: RegExp): string | undefined => {
    const { body } = request;
    const value: unknown =
      typeof body === 'object' && body !== null && Object.hasOwn(body, field) ? (body as Record<string, unknown>)[field] : undefined;
    return typeof value === 'string' && pattern.test(value) ? value : undefined;
  };
  const id = ID.test(request.parameters['id'] ?? '') ? request.parameters['id'] : undefined;
  const of = (part: string): string | undefined => (request.route.includes(`/${part}/:id`) ? id : undefined);

  const approvalId = of('approvals');
  const deploymentId = of('deployments') ?? named('deploymentId', ID);
  const changeId = of('changes');
  const about = id ?? deploymentId ?? named('releaseId', ID);
  const read = about === undefined ? log : aheadFor(log, `place ${about}`);
  const [approved, changed, deployed] = await Promise.all([
    approvalId === undefined ? undefined : read(approvalPlace, approvalId),
    changeId === undefined ? undefined : read(changePlace, changeId),
    deploymentId === undefined ? undefined : read(deploymentPlace, deploymentId),
  ]);
  // What a stream says counts before what the caller says.
  const place = { ...approved?.state, ...changed?.state, ...deployed?.state };
  const releaseId = place.releaseId ?? of('releases') ?? named('releaseId', ID);
  const release = releaseId === undefined ? undefined : await read(releasePlace, releaseId);
  const environment = place.environment ?? of('environments') ?? named('environment', NAME);
  const service = release?.state.product ?? named('service', NAME) ?? named('product', NAME);
  const team = service === undefined ? undefined : await ownerOf(read, service);
  const resource = {
    ...(environment === undefined ? {} : { environment }),
    ...(service === undefined ? {} : { service }),
    ...(team === undefined ? {} : { team }),
  };
  return { resource, ...(releaseId === undefined ? {} : { releaseId }) };
}

/** The team that owns a product, as its own stream says; undefined where nobody said so. */
export async function ownerOf(read: ReadAggregate, product: string): Promise<string | undefined> {
  return (await read(ownership, ownershipId(product))).state.team;
}
