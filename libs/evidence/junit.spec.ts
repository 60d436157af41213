import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { JUNIT_MAX_BYTES, readJUnit, type JUnitReport } from './index.ts';

const read = (xml: string) => readJUnit(Buffer.from(xml));

function report(xml: string): JUnitReport {
  const reading = read(xml);
  if (!reading.accepted) throw new Error(reading.reasons.map(({ detail }) => detail).join(' '));
  return reading.report;
}

function refusal(xml: string | Uint8Array): string {
  const reading = typeof xml === 'string' ? read(xml) : readJUnit(xml);
  if (reading.accepted) throw new Error('It was accepted.');
  return reading.reasons.map(({ code }) => code).join(' ');
}

describe('a JUnit report', () => {
  it('is counted from its cases, through nested suites, and names what failed', () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="shop" tests="5" failures="1" errors="1">
        <properties><property name="plimsoll.digest" value="sha512:ab"/></properties>
        <testsuite name="cart" tests="4" failures="1" errors="1" skipped="1">
          <testcase classname="Cart" name="adds" time="0.5"/>
          <testsuite name="prices" tests="3" failures="1" errors="1" skipped="1">
            <testcase classname="Prices" name="rounds &lt;half&gt; &#x2014; up" time="1.25"><failure message="expected 2 &amp; got 3">stack</failure></testcase>
            <testcase name="breaks"><error><![CDATA[boom <b>&amp;</b>]]></error></testcase>
            <testcase name="later"><skipped/></testcase>
          </testsuite>
        </testsuite>
        <testsuite name="login"><testcase name="works"/></testsuite>
      </testsuites>`;
    expect(report(xml)).toEqual({
      outcome: 'fail',
      suite: 'shop',
      tests: 5,
      passed: 2,
      failures: 1,
      errors: 1,
      skipped: 1,
      seconds: 1.75,
      failed: [
        { suite: 'Prices', name: 'rounds <half> — up', kind: 'failure', message: 'expected 2 & got 3' },
        { suite: 'prices', name: 'breaks', kind: 'error', message: 'boom <b>&amp;</b>' },
      ],
      properties: { 'plimsoll.digest': 'sha512:ab' },
      conflicting: [],
      digest: createHash('sha256').update(xml).digest('hex'),
    });
  });

  it('passes where its cases pass, under either root', () => {
    expect(report('<testsuite name="a" tests="1" failures="0"><testcase name="t"/></testsuite>')).toMatchObject({
      outcome: 'pass',
      suite: 'a',
      passed: 1,
    });
    expect(report('<testsuites><testsuite name="a"><testcase name="t"/></testsuite></testsuites>')).toMatchObject({
      outcome: 'pass',
      suite: 'a',
    });
    expect(report('\ufeff<testsuite><testcase/></testsuite>')).toMatchObject({ outcome: 'pass' });
  });

  it.each([
    ['no suite', '<testsuites/>'],
    ['no case', '<testsuites tests="0"><testsuite name="a" tests="0"/></testsuites>'],
    ['nothing but skipped cases', '<testsuite tests="1" skipped="1"><testcase name="t"><skipped/></testcase></testsuite>'],
  ])('with %s is inconclusive: absence is not success', (_, xml) => {
    expect(report(xml)).toMatchObject({ outcome: 'inconclusive', passed: 0 });
  });

  it.each([
    ['fewer tests than declared', '<testsuite tests="2"><testcase/></testsuite>'],
    ['more tests than declared', '<testsuite tests="0"><testcase/></testsuite>'],
    ['failures that are not declared', '<testsuite failures="0"><testcase><failure/></testcase></testsuite>'],
    ['declared failures that are not there', '<testsuite tests="1" failures="1"><testcase/></testsuite>'],
    ['errors that are not there', '<testsuite errors="1"><testcase/></testsuite>'],
    ['skipped cases that are not there', '<testsuite skipped="1"><testcase/></testsuite>'],
    ['a total that differs from its suites', '<testsuites tests="3"><testsuite tests="1"><testcase/></testsuite></testsuites>'],
    ['a count that is no number', '<testsuite tests="1e0"><testcase/></testsuite>'],
    ['a negative count', '<testsuite failures="-1"><testcase/></testsuite>'],
  ])('that contradicts itself is refused: %s', (_, xml) => {
    expect(refusal(xml)).toBe('wrong-counts');
  });

  it('that broke outside of its cases is refused, for the rest is not the whole', () => {
    expect(refusal('<testsuite><testcase/><error message="beforeAll"/></testsuite>')).toBe('not-junit');
  });

  it('counts a case once, however it broke', () => {
    expect(
      report('<testsuite tests="1" errors="1" failures="0"><testcase><failure/><error/><skipped/></testcase></testsuite>'),
    ).toMatchObject({ tests: 1, errors: 1, failures: 0, skipped: 0 });
  });

  it('is read for what it ran against, and says where its suites disagree about that', () => {
    const suite = (digest: string) =>
      `<testsuite><properties><property name="plimsoll.digest" value="${digest}"/></properties><testcase/></testsuite>`;
    expect(report(`<testsuites>${suite('a')}${suite('a')}</testsuites>`).properties).toEqual({ 'plimsoll.digest': 'a' });
    expect(report(`<testsuites>${suite('a')}${suite('b')}${suite('a')}</testsuites>`)).toMatchObject({
      properties: {},
      conflicting: ['plimsoll.digest'],
    });
    expect(report('<testsuite><properties><property name="__proto__" value="x"/></properties><testcase/></testsuite>').properties).toEqual(
      {},
    );
  });

  it('lists the first hundred failures and counts them all', () => {
    const cases = Array.from({ length: 150 }, (_, n) => `<testcase name="t${n}"><failure>${'x'.repeat(5_000)}</failure></testcase>`).join(
      '',
    );
    const { failed, failures } = report(`<testsuite>${cases}</testsuite>`);
    expect(failures).toBe(150);
    expect(failed).toHaveLength(100);
    expect(failed[0]!.message).toHaveLength(1_000);
  });
});

describe('hostile XML', () => {
  const lol = Array.from({ length: 9 }, (_, n) => `<!ENTITY lol${n + 1} "${`&lol${n};`.repeat(10)}">`).join('');
  it.each([
    ['a billion laughs', `<!DOCTYPE lolz [<!ENTITY lol0 "lol">${lol}]><testsuite><testcase name="&lol9;"/></testsuite>`],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>'],
    ['an external DTD', '<!DOCTYPE testsuite SYSTEM "http://169.254.169.254/x.dtd"><testsuite><testcase/></testsuite>'],
    ['a parameter entity', '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><testsuite/>'],
    ['a declaration in small letters', '<!doctype a><testsuite><testcase/></testsuite>'],
    ['a declaration after a comment', '<!-- <a> --><!DOCTYPE a><testsuite><testcase/></testsuite>'],
    ['a declaration within an element', '<testsuite><!ENTITY x "y"><testcase/></testsuite>'],
  ])('is refused before it is parsed: %s', (_, xml) => {
    expect(refusal(xml)).toBe('doctype');
  });

  it('may speak of a DOCTYPE in what a test printed', () => {
    const xml = '<testsuite><testcase name="t"><failure><![CDATA[<!DOCTYPE html>]]></failure></testcase><!-- <!DOCTYPE a> --></testsuite>';
    expect(report(xml).failed[0]!.message).toBe('<!DOCTYPE html>');
    expect(report('<testsuite><testcase name="&lt;!DOCTYPE html>"/></testsuite>').tests).toBe(1);
  });

  it.each([
    ['an entity that nobody declared', '<testsuite><testcase name="&xxe;"/></testsuite>'],
    ['a bare ampersand', '<testsuite><testcase name="a & b"/></testsuite>'],
    ['a reference to no character', '<testsuite><testcase name="&#xFFFFFF;"/></testsuite>'],
    ['a reference to half a character', '<testsuite><testcase name="&#xD800;"/></testsuite>'],
    ['a NUL', '<testsuite><testcase name="\0"/></testsuite>'],
    ['two roots', '<testsuite><testcase/></testsuite><testsuite/>'],
    ['no root', '<?xml version="1.0"?>'],
    ['nothing', ''],
    ['no XML', 'tests: 1'],
    ['tags that cross', '<testsuite><testcase></testsuite></testcase>'],
    ['an attribute given twice', '<testsuite tests="1" tests="2"><testcase/></testsuite>'],
    ['a comment without an end', '<testsuite><testcase/><!-- </testsuite>'],
  ])('is refused: %s', (_, xml) => {
    expect(refusal(xml)).toBe('malformed');
  });

  it('is refused where it is cut off, wherever that is', () => {
    const whole =
      '<?xml version="1.0"?><testsuites><testsuite name="a>b" tests="1"><testcase name="t"><failure><![CDATA[x]]></failure></testcase></testsuite></testsuites>';
    expect(read(whole).accepted).toBe(true);
    for (let length = 0; length < whole.length; length += 1) {
      const { accepted } = read(whole.slice(0, length));
      if (accepted) throw new Error(`Accepted: ${whole.slice(0, length)}`);
    }
  });

  it('is refused where it is too large, too deep or in another encoding', () => {
    expect(refusal(Buffer.alloc(JUNIT_MAX_BYTES + 1, ' '))).toBe('too-large');
    expect(refusal(`${'<testsuite>'.repeat(33)}${'</testsuite>'.repeat(33)}`)).toBe('depth');
    expect(refusal(`${'<testsuite>'.repeat(500_000)}`)).toBe('depth');
    expect(refusal(Buffer.from('\ufeff<!DOCTYPE a><testsuite/>', 'utf16le'))).toBe('encoding');
    expect(refusal('<?xml version="1.0" encoding="UTF-16"?><testsuite><testcase/></testsuite>')).toBe('encoding');
    expect(refusal(Buffer.from([0x3c, 0xff, 0xfe]))).toBe('encoding');
    expect(refusal('<html><testcase/></html>')).toBe('not-junit');
  });

  it('is never a reason to throw, and never passes without a case that passed', () => {
    const piece = fc.constantFrom(
      '<testsuite',
      '<testcase',
      '/>',
      '>',
      '</testsuite>',
      '</testcase>',
      '<failure/>',
      '<error>',
      '</error>',
      ' tests="1"',
      ' name="',
      '"',
      '&amp;',
      '&',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x',
      '?>',
      'x',
      '<!',
      '<',
      '#text',
      ':@',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const xml = `<testsuite>${pieces.join('')}</testsuite>`;
        const reading = read(xml);
        if (reading.accepted && reading.report.outcome === 'pass') expect(xml).toContain('<testcase');
      }),
      { numRuns: 2_000 },
    );
  });

  it('of the largest size is read to its end', () => {
    const testcase = '<testcase classname="a.b.C" name="does what it should" time="0.001"/>';
    const count = 100_000;
    expect(report(`<testsuite tests="${count}">${testcase.repeat(count)}</testsuite>`)).toMatchObject({ tests: count, outcome: 'pass' });
  });
});
