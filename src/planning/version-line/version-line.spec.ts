import type { VersionLineEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { assignVersion, AssignVersion } from './assign-version.ts';
import { versionLine } from './version-line.ts';

const lines = scenario(versionLine);
const assigned = (version: string, releaseId = 'r1'): VersionLineEvent => ({
  type: 'VersionAssigned',
  data: { product: 'shop', releaseId, scheme: 'semver', version },
});
const assign = (version: string, releaseId = 'r1') => issued(AssignVersion, { product: 'shop', releaseId, version });
const ofShop = { product: 'shop' };

describe('a version', () => {
  it('is assigned to a release of the product', () => {
    lines.given().when(assignVersion, assign('1.0.0'), ofShop).then(assigned('1.0.0'));
  });

  it('is assigned once', () => {
    lines.given(assigned('1.0.0')).when(assignVersion, assign('1.0.0'), ofShop).thenNothing();
  });

  it.each(['1.0.0', '0.9.0', '1.0.0-rc.1', '1.0.0+build2'])('never goes back or repeats: %s after 1.0.0 is refused', (version) => {
    lines.given(assigned('1.0.0')).when(assignVersion, assign(version, 'r2'), ofShop).thenRefused('version-goes-back');
  });

  it.each(['1.0', 'v1.0.0', '01.0.0', ' 1.0.0', 'latest'])('is SemVer to the letter: %j is refused', (version) => {
    lines.given().when(assignVersion, assign(version), ofShop).thenRefused('not-semver');
  });

  it('stays with its release', () => {
    lines.given(assigned('1.0.0')).when(assignVersion, assign('1.1.0'), ofShop).thenRefused('version-assigned');
  });

  it('needs a release, and one of that product', () => {
    lines.given().when(assignVersion, assign('1.0.0'), {}).thenRefused('release-unknown');
    lines.given().when(assignVersion, assign('1.0.0'), { product: 'bank' }).thenRefused('product-mismatch');
  });
});
