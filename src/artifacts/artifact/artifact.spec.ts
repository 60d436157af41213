import type { ArtifactEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { artifact } from './artifact.ts';
import { registerArtifact, RegisterArtifact } from './register-artifact.ts';

const digest = { algorithm: 'sha256' as const, value: 'a'.repeat(64) };
const fields = { name: 'ledger', version: '1.0.0', purl: 'pkg:npm/ledger@1.0.0', digest, authors: ['idp|ada', 'idp|ada'] };
const registered: ArtifactEvent = {
  type: 'ArtifactRegistered',
  data: { artifactId: 'target-1', name: 'ledger', version: '1.0.0', purl: 'pkg:npm/ledger@1.0.0', digest, authors: ['idp|ada'] },
};
const artifacts = scenario(artifact);

describe('an artifact', () => {
  it('is registered with its digest and the accounts that wrote it', () => {
    artifacts.given().when(registerArtifact, issued(RegisterArtifact, fields)).then(registered);
  });

  it('is registered once: the same digest again is nothing new', () => {
    artifacts.given(registered).when(registerArtifact, issued(RegisterArtifact, fields)).thenNothing();
  });

  it('takes further authors later, and never loses one', () => {
    const added: ArtifactEvent = { type: 'ArtifactAuthorsAdded', data: { artifactId: 'target-1', authors: ['idp|otto'] } };
    const withOtto = issued(RegisterArtifact, { ...fields, authors: ['idp|otto'] });
    artifacts.given(registered).when(registerArtifact, withOtto).then(added);
    artifacts.given(registered, added).when(registerArtifact, withOtto).thenNothing();
    artifacts
      .given(registered, added)
      .when(registerArtifact, issued(RegisterArtifact, { ...fields, authors: [] }))
      .thenNothing();
  });

  it('never gets a second digest under the same name and version', () => {
    const refusal = artifacts
      .given(registered)
      .when(registerArtifact, issued(RegisterArtifact, { ...fields, digest: { ...digest, value: 'b'.repeat(64) } }))
      .thenRefused('second-digest');
    expect(refusal.reasons[0]?.evidence).toEqual(['artifact-target-1@0']);
  });

  it('refuses a digest that is too short for its algorithm', () => {
    artifacts
      .given()
      .when(registerArtifact, issued(RegisterArtifact, { ...fields, digest: { algorithm: 'sha512', value: 'a'.repeat(64) } }))
      .thenRefused('digest-length');
  });
});
