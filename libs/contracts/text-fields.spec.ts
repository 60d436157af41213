import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEXT_FIELDS, textsIn } from './text-fields.ts';

const FOLDER = join(__dirname, 'golden');

describe('text in events', () => {
  const examples = readdirSync(FOLDER)
    .filter((name) => name !== 'manifest.json')
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { type: string; data: unknown });
  const texts = examples.flatMap(({ type, data }) => textsIn(type, data));

  it('is decided on, field by field: is it sealed, and if not, why may it stay readable for ever?', () => {
    const undecided = texts
      .filter(({ field, text }) => text.trim().includes(' ') && TEXT_FIELDS[field] === undefined)
      .map(({ field }) => field);
    const advice =
      'Decide each in TEXT_FIELDS. What a person writes is sealed: name the field in `personal` of the command (defineCommand).';
    expect({ undecided: [...new Set(undecided)], advice }).toEqual({ undecided: [], advice });
  });

  it('is decided on for fields that there are', () => {
    const types = new Set(examples.map(({ type }) => type));
    expect(Object.keys(TEXT_FIELDS).filter((field) => !types.has(field.split('.')[0]!))).toEqual([]);
  });

  it('that has the name of somebody’s own words is sealed or ours, and never a name', () => {
    const own = /\.(?:comment|reason|justification|findings|resolution|cause|changeReason)$/;
    expect(Object.entries(TEXT_FIELDS).filter(([field, kind]) => own.test(field) && kind === 'name')).toEqual([]);
    expect(texts.filter(({ field, text }) => own.test(field) && text.includes(' ') && TEXT_FIELDS[field] === undefined)).toEqual([]);
  });
});
