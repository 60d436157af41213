import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { declarations, plimsollCodec } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { ComplianceFold } from './fold.ts';
import { RULE_CHANGES, ruleChanged } from './rule-changes.ts';

/** One stored example of every event type there is. */
const golden = join(__dirname, '../contracts/golden');
const examples = readdirSync(golden)
  .filter((name) => /^\w+\.v\d+\.json$/.test(name))
  .map((name) => ({
    ...(JSON.parse(readFileSync(join(golden, name), 'utf8')) as { readonly type: string; readonly data: unknown }),
    version: Number(/\d+/.exec(name)?.[0]),
  }));

describe('changes to what decides', () => {
  it('are told from everything else for each event type of the log, without a default', () => {
    expect(Object.keys(RULE_CHANGES).sort()).toEqual(Object.keys(declarations).sort());
    expect(ruleChanged('constructor')).toBeUndefined();
    expect(ruleChanged('SomethingElse')).toBeUndefined();
  });

  it('have every kind of rule among them', () => {
    expect([...new Set(Object.values(RULE_CHANGES))].sort()).toEqual([
      'board',
      'calendar',
      'change-model',
      'environment',
      'group',
      'identity',
      'legal-hold',
      'none',
      'ownership',
      'policy',
      'retention',
      'role',
      'role-policy',
      'trigger',
    ]);
  });

  it('are listed as a sentence with who did it, from the stored example of each type, and nothing else is', () => {
    const fold = new ComplianceFold({ from: '2026-01-01T00:00:00.000Z', to: '2027-01-01T00:00:00.000Z' });
    const codec = plimsollCodec();
    const told = examples.map((example, i): StoredEvent => {
      const { version: schemaVersion } = example;
      const metadata = { actor: 'person-a', principal: 'idp|a', recordedAt: '2026-03-01T00:00:00.000Z', schemaVersion };
      return {
        id: String(i),
        stream: `example-${i}`,
        revision: 0,
        position: BigInt(i),
        type: example.type,
        data: example.data,
        metadata: metadata as unknown as StoredEvent['metadata'],
      };
    });
    for (const event of told) fold.add(codec.upcast(event));
    const expected = examples.filter(({ type }) => ruleChanged(type) !== undefined).map(({ type }) => type);
    const { ruleChanges } = fold.report();
    expect(ruleChanges.map(({ event }) => event)).toEqual(expected);
    expect(ruleChanges.every(({ what, person, principal }) => /\S/.test(what) && person === 'person-a' && principal === 'idp|a')).toBe(
      true,
    );
  });
});
