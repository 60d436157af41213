import type { StoredEvent } from '#libs/event-sourcing';
import { eventLeafHash, leafHash, leafOf, leafText } from './index.ts';

const metadata = { actor: 'p', principal: 'idp|p', recordedAt: '2026-03-02T10:00:00.000Z', schemaVersion: 2, commandId: 'c' };
const event = {
  stream: 'release-1',
  revision: 3,
  id: 'e-1',
  type: 'ReleaseComposed',
  data: { b: 1, a: 'é' },
  metadata,
  position: 42n,
} as unknown as StoredEvent;

describe('the leaf of an event', () => {
  it('is all that the log keeps of it but its position, with when it was recorded and in which schema', () => {
    expect(leafOf(event)).toEqual({
      stream: 'release-1',
      revision: 3,
      id: 'e-1',
      type: 'ReleaseComposed',
      schemaVersion: 2,
      created: '2026-03-02T10:00:00.000Z',
      data: { b: 1, a: 'é' },
      metadata,
    });
    expect(leafText({ ...event, position: 43n })).toBe(leafText(event));
  });

  it('is canonical JSON, of which the hash is that of a Merkle leaf', () => {
    expect(leafText(event)).toBe(
      '{"created":"2026-03-02T10:00:00.000Z","data":{"a":"é","b":1},"id":"e-1","metadata":{"actor":"p","commandId":"c","principal":"idp|p",' +
        '"recordedAt":"2026-03-02T10:00:00.000Z","schemaVersion":2},"revision":3,"schemaVersion":2,"stream":"release-1","type":"ReleaseComposed"}',
    );
    expect(eventLeafHash(event)).toEqual(leafHash(leafText(event)));
  });

  it('is there also for what somebody appended around Plimsoll, with less', () => {
    const { schemaVersion: _version, ...unversioned } = metadata;
    const { recordedAt: _recorded, ...untimed } = metadata;
    const of = (more: object) => leafOf({ ...event, ...more } as unknown as StoredEvent);
    expect(of({ metadata: unversioned })).not.toHaveProperty('schemaVersion');
    expect(of({ metadata: unversioned })).toHaveProperty('created');
    expect(of({ metadata: untimed })).not.toHaveProperty('created');
    expect(of({ metadata: untimed })).toHaveProperty('schemaVersion', 2);
    for (const nothing of [null, undefined]) {
      expect(of({ metadata: nothing, data: nothing })).toEqual({
        stream: 'release-1',
        revision: 3,
        id: 'e-1',
        type: 'ReleaseComposed',
        data: null,
        metadata: null,
      });
    }
    expect(of({ data: 0 }).data).toBe(0);
  });

  it('is the JSON text where its contents have no canonical form, and of other contents another', () => {
    const of = (data: unknown): string => leafText({ ...event, data } as StoredEvent);
    expect(JSON.parse(of({ half: '\ud800', n: [Infinity, -Infinity, null] }))).toMatchObject({
      data: { $json: '{"half":"\\ud800","n":[Infinity,-Infinity,null]}' },
      metadata,
      type: 'ReleaseComposed',
    });
    expect(of({ half: '\ud800' })).not.toBe(of({ half: '\ud801' }));
    let deep: unknown = 1;
    for (let n = 0; n < 100_000; n++) deep = [deep];
    expect(JSON.parse(of({ deep }))).toMatchObject({ data: { $json: expect.stringMatching(/^\{"deep":\[{100000}1\]{100000}\}$/) } });
  });

  it('is a digest of what is larger than any event of ours', () => {
    const of = (more: object): string => leafText({ ...event, ...more } as StoredEvent);
    const large = 'x'.repeat(3 * 1024 * 1024);
    const text = of({ data: { large }, stray: { why: '', type: large, data: { large }, metadata: null } });
    expect(JSON.parse(text)).toMatchObject({
      type: expect.stringMatching(/^\{"\$sha256":"[0-9a-f]{64}","\$bytes":3145728\}$/),
      data: { $sha256: expect.stringMatching(/^[0-9a-f]{64}$/), $bytes: 3145728 + 12 },
      metadata: null,
    });
    expect(of({ data: { large: `${large}y` } })).not.toBe(of({ data: { large: `${large}z` } }));
  });
});
