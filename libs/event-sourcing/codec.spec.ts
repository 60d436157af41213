import fc from 'fast-check';
import { EventCodec } from './codec.ts';
import type { StoredEvent } from './event.ts';

/** A made-up history: version 1 had one name, version 2 split it, version 3 counts its letters. */
const codec = new EventCodec({
  PersonNamed: {
    version: 3,
    upcasters: {
      1: (data) => {
        const [first = '', ...rest] = (data as { name: string }).name.split(' ');
        return { first, last: rest.join(' ') };
      },
      2: (data) => {
        const names = data as { first: string; last: string };
        return { ...names, letters: names.first.length + names.last.length };
      },
    },
  },
  Unliftable: { version: 2, upcasters: {} },
});

const stored = (type: string, schemaVersion: number, data: unknown): StoredEvent => ({
  id: '00000000-0000-5000-8000-000000000000',
  type,
  data,
  metadata: {
    actor: 'person-dora',
    principal: 'test|dora',
    commandId: 'command-1',
    commandHash: 'hash',
    correlationId: 'correlation-1',
    causationId: 'request-1',
    recordedAt: '2026-03-02T10:00:00.000Z',
    schemaVersion,
  },
  stream: 'person-1',
  revision: 4,
  position: 9n,
});

describe('reading an event of an older version', () => {
  it('lifts it one version after the other', () => {
    const { data, metadata } = codec.upcast(stored('PersonNamed', 1, { name: 'Ada King Lovelace' }));
    expect(data).toEqual({ first: 'Ada', last: 'King Lovelace', letters: 16 });
    expect(metadata.schemaVersion).toBe(3);
  });

  it('begins at the version that was stored', () => {
    expect(codec.upcast(stored('PersonNamed', 2, { first: 'Ada', last: 'King' })).data).toEqual({ first: 'Ada', last: 'King', letters: 7 });
  });

  it('leaves what is stored as it is, and everything but data and version too', () => {
    const event = stored('PersonNamed', 1, Object.freeze({ name: 'Ada King' }));
    const { data: _data, metadata, ...rest } = codec.upcast(event);
    expect(event).toEqual(stored('PersonNamed', 1, { name: 'Ada King' }));
    expect({ ...rest, metadata: { ...metadata, schemaVersion: 1 } }).toEqual({ ...rest, metadata: event.metadata });
  });

  it('is nothing the second time', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const once = codec.upcast(stored('PersonNamed', 1, { name }));
        expect(codec.upcast(once)).toBe(once);
      }),
    );
  });

  it('passes an unknown type through untouched', () => {
    const event = stored('FromTheFuture', 7, { some: 'data' });
    expect(codec.upcast(event)).toBe(event);
    expect(codec.knows('FromTheFuture')).toBe(false);
    expect(codec.knows('toString')).toBe(false);
  });
});

describe('an event that this program can not read', () => {
  it('is refused where a newer program wrote it, and named with its place', () => {
    expect(() => codec.upcast(stored('PersonNamed', 4, {}))).toThrow(
      'PersonNamed at person-1@4 has schema version 4; this program knows 3.',
    );
  });

  it('is refused where an upcaster is missing', () => {
    expect(() => codec.upcast(stored('Unliftable', 1, {}))).toThrow('No upcaster lifts Unliftable from version 1.');
  });
});

describe('the version that is written', () => {
  it('is the declared one, and 1 for a type that is not declared', () => {
    expect([codec.schemaVersion('PersonNamed'), codec.schemaVersion('FromTheFuture')]).toEqual([3, 1]);
  });
});
