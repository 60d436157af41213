import { artifactId, type ReceivedEnvelope } from '#libs/contracts';
import { readPackageUrl } from './envelope/package-url.ts';
import { translate } from './translation.ts';

const hex = 'ab'.repeat(32);

function envelope(kind: string, subject: object, context: object = {}): ReceivedEnvelope {
  const type = `dev.cdevents.${kind}`;
  const data = {
    context: { specversion: '0.5.1', type, timestamp: '2026-03-02T11:00:00+01:00', ...context },
    subject: { content: {}, ...subject },
  };
  return { id: '1', source: '/ci', type, data };
}
const deployed = (environment: unknown, kind = 'service.deployed.0.3.0', context: object = {}) =>
  translate(
    envelope(kind, { id: 'checkout', content: { environment: { id: environment }, artifactId: 'pkg:oci/checkout@sha256:1' } }, context),
  );
const packaged = (id: string) => translate(envelope('artifact.packaged.0.3.0', { id, content: { change: { id: 'c' } } }));

describe('what outside events lead to', () => {
  it.each(['deployed', 'upgraded', 'rolledback', 'removed', 'published'])('a service that was %s is reported to run so', (change) => {
    for (const version of ['0.2.0', '0.3.0']) {
      expect(deployed('production', `service.${change}.${version}`)).toEqual({
        command: 'ReportRunningVersion',
        target: 'production',
        payload: {
          service: 'checkout',
          artifact: 'pkg:oci/checkout@sha256:1',
          change,
          reportedBy: '/ci',
          claimedOccurredAt: '2026-03-02T10:00:00.000Z',
        },
      });
    }
  });

  it('understands CDEvents 0.4, too', () => {
    expect(deployed('production', 'service.deployed.0.2.0', { specversion: undefined, version: '0.4.1' })).toMatchObject({
      target: 'production',
    });
  });

  it.each([
    ['EU/Prod 1', 'eu-prod-1'],
    ['--a__b--', 'a-b'],
    [`${'x'.repeat(62)}-y`, 'x'.repeat(62)],
  ])('the environment %s is %s here', (id, target) => {
    expect(deployed(id)).toMatchObject({ target });
  });

  it.each([
    ['names no environment that could be one', deployed('///')],
    ['follows another version of the specification', deployed('production', 'service.deployed.0.3.0', { specversion: '0.6.0' })],
    ['is of a version of its type that is not known', deployed('production', 'service.deployed.1.0.0')],
    ['is of a type that nothing follows from', translate(envelope('build.started.0.3.0', { id: 'b' }))],
    ['is of a type that is not known', translate(envelope('moon.landed.0.1.0', { id: 'b' }))],
    ['is no CDEvent', translate({ id: '1', source: '/x', type: 'com.example.done' })],
    ['names an artifact without a digest', packaged('pkg:npm/shop@1.0.0')],
    ['names an artifact by half a digest', packaged('pkg:oci/shop@sha256:abcd')],
    ['names an artifact without a version', packaged(`pkg:npm/shop?checksum=sha256:${hex}`)],
    ['names no artifact', packaged('shop 1.0.0')],
    ['names an artifact by what is no percent-encoding', packaged(`pkg:oci/%ff@sha256:${hex}`)],
  ])('an event that %s is kept, with the reason', (_what, translation) => {
    expect(translation).toEqual({ keptBecause: expect.stringMatching(/^[A-Z].+\.$/) });
  });

  it('an artifact that was packaged or published is registered by its digest; its authors are not known', () => {
    const payload = {
      name: '@shop/web',
      version: '1.0.0',
      digest: { algorithm: 'sha256', value: hex },
      authors: [],
      claimedOccurredAt: '2026-03-02T10:00:00.000Z',
    };
    const purl = `pkg:npm/%40shop/web@1.0.0?checksum=sha1:00,sha256:${hex}`;
    const registration = { command: 'RegisterArtifact', target: artifactId('@shop/web', '1.0.0'), payload: { ...payload, purl } };
    expect(packaged(purl)).toEqual(registration);
    expect(translate(envelope('artifact.published.0.3.0', { id: purl }))).toEqual(registration);
  });

  it.each([
    [`pkg:oci/shop@sha256:${hex}?tag=1.2.3`, { name: 'shop', version: '1.2.3', digest: { algorithm: 'sha256', value: hex } }],
    [`pkg:oci/shop@sha256%3A${hex.toUpperCase()}`, { name: 'shop', version: `sha256-${hex}`, digest: { algorithm: 'sha256', value: hex } }],
    [`pkg:oci/shop@sha512:${hex}${hex}`, { name: 'shop', version: `sha512-${hex}`, digest: { algorithm: 'sha512', value: hex + hex } }],
    ['pkg:golang/example.com/a/b@v1.0.0#sub', { name: 'example.com/a/b', version: 'v1.0.0' }],
    ['pkg:npm/@shop/web', { name: '@shop/web' }],
    ['pkg:npm', undefined],
    ['https://example.com/shop', undefined],
  ])('reads the package URL %s', (text, purl) => {
    expect(readPackageUrl(text)).toEqual(purl);
  });
});
