import { derivedId } from '#libs/event-sourcing';

/** Ids that two areas must agree on. Each is derived, so that the same thing always has the same stream. */

/** A name and version have one stream: that is how a second digest meets the first. */
export const artifactId = (name: string, version: string): string => derivedId('artifact', name, version);
export const approvalId = (releaseId: string, environment: string): string => derivedId('approval', releaseId, environment);
/** Which team owns a product. */
export const ownershipId = (product: string): string => derivedId('ownership', product);
export const accountId = (issuer: string, subject: string): string => derivedId('account', issuer, subject);
export const versionLineId = (product: string): string => derivedId('versionline', product);
/** Samples of a service are kept in a stream for every ten minutes, so that reading a window stays cheap for ever. `at`: ISO 8601, UTC. */
export const metricsId = (environment: string, service: string, at: string): string =>
  derivedId('metrics', environment, service, bucketOf(at));

/** The length of a metric stream, milliseconds. */
export const METRIC_BUCKET_MS = 600_000;

function bucketOf(at: string): string {
  return new Date(Math.floor(Date.parse(at) / METRIC_BUCKET_MS) * METRIC_BUCKET_MS).toISOString();
}
export const triggerId = (environment: string, service: string, metric: string): string =>
  derivedId('trigger', environment, service, metric);
export const incidentId = (environment: string, deploymentId: string): string => derivedId('incident', environment, deploymentId);
export const smokeRunId = (deploymentId: string): string => derivedId('smokerun', deploymentId);
/** A deployment is rolled back once, by whomever and however often it is asked for. */
export const rollbackId = (deploymentId: string): string => derivedId('rollback', deploymentId);
/** All bypasses of the organisation are in one stream: they are few, and whoever asks for the next must see what is overdue. */
export const BYPASS_REGISTER = 'register';
/** Duties of a release for an environment, looked at again when it becomes known that two accounts are one person. */
export const dutyReviewId = (releaseId: string, environment: string): string => derivedId('dutyreview', releaseId, environment);

/** The change of a release for an environment. */
export const changeId = (releaseId: string, environment: string): string => derivedId('change', releaseId, environment);
const WEEK_MS = 7 * 86_400_000;
/** Monday 1970-01-05, 00:00 UTC. */
const A_MONDAY = 4 * 86_400_000;
/** Changes planned for an environment are kept in a stream for every week, so that reading those beside another stays cheap for ever. `at`: ISO 8601. */
export const changeCalendarId = (environment: string, at: string): string =>
  derivedId('changecalendar', environment, String(Math.floor((Date.parse(at) - A_MONDAY) / WEEK_MS)));
/** The streams of every week that an interval touches, half-open and ISO 8601. */
export const changeCalendarIds = (environment: string, window: { readonly from: string; readonly until: string }): readonly string[] => {
  const ids = new Set<string>();
  for (let at = Date.parse(window.from); at < Date.parse(window.until); at += WEEK_MS)
    ids.add(changeCalendarId(environment, new Date(at).toISOString()));
  ids.add(changeCalendarId(environment, new Date(Date.parse(window.until) - 1).toISOString()));
  return [...ids];
};
export const changeHistoryId = (product: string, environment: string): string => derivedId('changehistory', product, environment);
