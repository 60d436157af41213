import fc from 'fast-check';
import {
  EMPTY_ROOT,
  formatCheckpoint,
  formatNote,
  formatSigner,
  leafHash,
  MalformedKey,
  MalformedNote,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseSigner,
  parseVerifier,
  signatureOf,
  UnverifiedNote,
  verifyNote,
  type KeyKind,
  type Signer,
} from './index.ts';

const signerOf = (name: string, seed: number, kind: KeyKind = 'ed25519'): Signer =>
  parseSigner(formatSigner(name, kind, Buffer.alloc(32, seed)));
const log = signerOf('log.example/one', 1);
const witness = signerOf('witness.example', 2, 'cosignature/v1');
const text = formatCheckpoint({ origin: 'log.example/one', size: 7, root: leafHash('x') });
const signed = formatNote({ text, signatures: [signatureOf(text, log, 0), signatureOf(text, witness, 1_800_000_000)] });

describe('a key', () => {
  // The keys and the note of golang.org/x/mod/sumdb/note, which others verify with.
  const VERIFIER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const SIGNER = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';

  it('is written as others write it, and signs what others have signed', () => {
    const note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const signature = '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';
    const signer = parseSigner(SIGNER);
    expect(signer.verifier.text).toBe(VERIFIER);
    expect(formatNote({ text: note, signatures: [signatureOf(note, signer, 0)] })).toBe(`${note}\n${signature}\n`);
    expect(verifyNote(parseNote(`${note}\n${signature}\n`), [parseVerifier(VERIFIER)])).toEqual([
      { name: 'PeterNeumann', keyHash: 'c74f20a3' },
    ]);
  });

  it.each([
    ['of another name', VERIFIER.replace('Peter', 'Paul')],
    ['of another hash', VERIFIER.replace('c74f', 'c74e')],
    ['cut', VERIFIER.slice(0, -1)],
    ['of another algorithm', VERIFIER.replace('+ARpc', '+BRpc')],
    ['empty', ''],
    ['a signing key', SIGNER],
  ])('is refused when it is %s', (_what, key) => expect(() => parseVerifier(key)).toThrow(MalformedKey));

  it('that signs is refused with words that do not repeat it', () => {
    const secret = SIGNER.slice(-44);
    for (const key of [SIGNER.replace('c74f', 'c74e'), SIGNER.replace('PRIVATE', 'PUBLIC'), SIGNER.slice(0, -1)]) {
      expect(() => parseSigner(key)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret.slice(0, 20)) }));
    }
    expect(() => formatSigner('with space', 'ed25519', Buffer.alloc(32))).toThrow(MalformedKey);
  });
});

describe('a signed checkpoint', () => {
  it('opens with the keys of the log and of witnesses, in the order of the note', () => {
    const opened = openCheckpoint(signed, log.verifier, [parseVerifier(witness.verifier.text)]);
    expect(opened).toMatchObject({ origin: 'log.example/one', size: 7, root: leafHash('x') });
    expect(opened.signatures).toEqual([
      { name: 'log.example/one', keyHash: log.verifier.keyHash },
      { name: 'witness.example', keyHash: witness.verifier.keyHash, time: 1_800_000_000 },
    ]);
  });

  it('does not open when one of its characters was changed, whichever', () => {
    const before = signed.indexOf('\n\n');
    const known = [witness.verifier];
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.constantFrom('A', '7', ' ', '\n', 'é'), (at, put) => {
        if (signed[at] === put) return;
        const changed = signed.slice(0, at) + put + signed.slice(at + 1);
        let opened;
        try {
          opened = openCheckpoint(changed, log.verifier, known);
        } catch (error) {
          expect([MalformedNote.name, UnverifiedNote.name]).toContain((error as Error).name);
          return;
        }
        // All that may be lost is a signature in another's name: a witness who is not known any more.
        expect(at).toBeGreaterThan(before);
        expect(opened).toMatchObject({ size: 7, root: leafHash('x') });
        expect(opened.signatures).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  it('needs the signature of the log itself, and the origin that is the name of its key', () => {
    const other = signerOf('log.example/two', 3);
    const bySomebody = formatNote({ text, signatures: [signatureOf(text, other, 0), signatureOf(text, witness, 1)] });
    expect(() => openCheckpoint(bySomebody, log.verifier, [witness.verifier])).toThrow(UnverifiedNote);
    expect(() => openCheckpoint(bySomebody, other.verifier)).toThrow(
      'The checkpoint is of the log log.example/one, not of log.example/two.',
    );
  });

  it('says of a witness when it signed, and that can not be changed', () => {
    const [own, cosigned] = parseNote(signed).signatures;
    const later = Buffer.from(cosigned!.bytes);
    later[7]! ^= 1;
    const forged = formatNote({ text, signatures: [own!, { ...cosigned!, bytes: later }] });
    expect(() => openCheckpoint(forged, log.verifier, [witness.verifier])).toThrow(UnverifiedNote);
    expect(openCheckpoint(forged, log.verifier).signatures).toHaveLength(1);
  });

  it('counts each key once, however often it has signed, and tells keys of one name apart', () => {
    const [own, cosigned] = parseNote(signed).signatures;
    const twice = parseNote(formatNote({ text, signatures: [own!, own!, cosigned!, own!] }));
    expect(verifyNote(twice, [log.verifier])).toHaveLength(1);
    expect(verifyNote(twice, [log.verifier, witness.verifier])).toHaveLength(2);
    const second = signerOf('log.example/one', 9);
    const both = parseNote(formatNote({ text, signatures: [own!, signatureOf(text, second, 0)] }));
    expect(verifyNote(both, [log.verifier, second.verifier]).map((s) => s.keyHash)).toEqual([
      log.verifier.keyHash,
      second.verifier.keyHash,
    ]);
    expect(verifyNote(both, [second.verifier]).map((s) => s.keyHash)).toEqual([second.verifier.keyHash]);
    // Four bytes are few: another log's key may have the same hash.
    const other = signerOf('log.example/two', 3);
    const sameHash = { ...other.verifier, keyHash: log.verifier.keyHash };
    const collided = parseNote(formatNote({ text, signatures: [own!, { ...signatureOf(text, other, 0), keyHash: log.verifier.keyHash }] }));
    expect(verifyNote(collided, [log.verifier, sameHash]).map((s) => s.name)).toEqual(['log.example/one', 'log.example/two']);
    const namesake = signerOf('witness.example', 2);
    const third = parseNote(formatNote({ text, signatures: [cosigned!, signatureOf(text, namesake, 0)] }));
    expect(verifyNote(third, [witness.verifier, namesake.verifier])).toHaveLength(2);
  });

  it.each([5, 8, 71, 73])('has no cosignature of %d bytes, and says so in words', (length) => {
    const bytes = Buffer.alloc(length, 1);
    const note = parseNote(formatNote({ text, signatures: [{ name: 'witness.example', keyHash: witness.verifier.keyHash, bytes }] }));
    expect(() => verifyNote(note, [witness.verifier])).toThrow(
      expect.objectContaining({
        name: 'UnverifiedNote',
        message: 'The signature in the name of witness.example is not by its key, or the note was changed.',
      }),
    );
  });

  it('says what is wrong with it', () => {
    const says = (note: string, message: string) =>
      expect(() => parseNote(note)).toThrow(expect.objectContaining({ name: 'MalformedNote', message }));
    says(`${'x'.repeat(65_537)}`, 'The note is longer than 65536 characters.');
    says(`\u0000${signed}`, 'The note has a control character or half of a surrogate pair.');
    says(`\ud800${signed}`, 'The note has a control character or half of a surrogate pair.');
    for (const note of ['a\n1\nb\n', signed.slice(0, -1), 'a', '']) says(note, 'A note is a text, an empty line, and lines of signatures.');
    says(`${text}\n${'— a AAAAAAA=\n'.repeat(65)}`, 'The note has more than 64 signatures.');
    for (const line of [
      'no signature',
      '— a AAAA',
      '— a AAAAAAA',
      '— a AAAAAAB=',
      '—  AAAAAAA=',
      '— a+b AAAAAAA=',
      'x— a AAAAAAA=',
      '— a AAAAAAA= x',
      '— a A',
    ]) {
      says(`${text}\n${line}\n`, 'A signature is written "— name base64".');
    }
    expect(() => verifyNote(parseNote(signed), [])).toThrow('No key that is known here has signed the note.');
    expect(() => signatureOf('no line break', log, 0)).toThrow('The text of a note ends with a line break.');
  });

  it('may be as long, and have as many signatures, as it may', () => {
    const lines = '— a AAAAAAA=\n'.repeat(64);
    expect(parseNote(`${text}\n${lines}`).signatures).toHaveLength(64);
    const longest = `${'x'.repeat(65_536 - 2 - lines.length)}\n\n${lines}`;
    expect(parseNote(longest).signatures).toHaveLength(64);
    expect(() => parseNote(`x${longest}`)).toThrow('longer than');
    expect(parseNote('\n— a AAAAAAA=\n'.replace('\n', '\n\n')).text).toBe('\n');
  });

  it.each([
    ['no empty line', 'a\n1\nb\n'],
    ['no line break at its end', signed.slice(0, -1)],
    ['a control character', `\u0000${signed}`],
    ['a carriage return', signed.replace('\n7\n', '\n7\r\n')],
    ['65 signatures', `${text}\n${'— a AAAAAAA=\n'.repeat(65)}`],
    ['over 64 KiB', `${'x'.repeat(65_536)}\n${signed}`],
    ['a hyphen for a dash', signed.replaceAll('—', '-')],
  ])('is refused with %s', (_what, note) => expect(() => parseNote(note)).toThrow(MalformedNote));

  it.each([
    ['a size with a leading zero', text.replace('\n7\n', '\n07\n')],
    ['a negative size', text.replace('\n7\n', '\n-7\n')],
    ['a size past 2^53', text.replace('\n7\n', '\n9007199254740992\n')],
    ['a short root', `log.example/one\n7\n${Buffer.alloc(31).toString('base64')}\n`],
    ['no root', 'log.example/one\n7\n'],
    ['no origin', '\n7\n'],
  ])('is refused with %s in its text', (_what, broken) => expect(() => parseCheckpoint(broken)).toThrow(MalformedNote));

  it('says what is wrong with its text', () => {
    const says = (broken: string, message: string) =>
      expect(() => parseCheckpoint(broken)).toThrow(expect.objectContaining({ name: 'MalformedNote', message }));
    const root = leafHash('x').toString('base64');
    for (const broken of [
      '',
      'a',
      'a\n7',
      'a\n7\n',
      `a\n7\n${root}`,
      `\n7\n${root}\n`,
      `a\n\n${root}\n`,
      'a\n7\n\n',
      `a\n7\n${root}\nmore`,
    ])
      says(broken, 'A checkpoint has a line each for its origin, its size and its root.');
    for (const size of ['07', '-1', '1.5', '1e3', 'x7', '7x', '9007199254740992', '12345678901234567'])
      says(`a\n${size}\n${root}\n`, 'The size of a checkpoint is a whole number below 2^53, without leading zeros.');
    for (const short of [
      root.slice(1),
      `${root}=`,
      Buffer.alloc(31).toString('base64'),
      Buffer.alloc(33).toString('base64'),
      root.replace(/.=$/, '!='),
    ])
      says(`a\n7\n${short}\n`, 'The root of a checkpoint is 32 bytes in base64.');
    expect(parseCheckpoint(`a\n9007199254740991\n${root}\n`).size).toBe(2 ** 53 - 1);
  });

  it('may say more after its root', () => {
    expect(parseCheckpoint(`${formatCheckpoint({ origin: 'a', size: 0, root: EMPTY_ROOT })}more\n`)).toEqual({
      origin: 'a',
      size: 0,
      root: EMPTY_ROOT,
    });
  });
});
