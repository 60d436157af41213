import { createHash } from 'node:crypto';
import { startS3Server, type S3Server } from '../../../test/support/s3/s3-server.ts';
import { ArchiveConflict, ArchiveDamaged, S3Archive, type S3ArchiveOptions } from '../index.ts';
import { describeArchive } from '../testing/index.ts';
import { signed } from './signature.ts';

const servers: S3Server[] = [];
async function start(): Promise<S3Server> {
  servers.push(await startS3Server());
  return servers.at(-1)!;
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
const archiveAt = ({ url, bucket, region, credentials }: S3Server, options: Partial<S3ArchiveOptions> = {}): S3Archive =>
  new S3Archive({ bucket, region, credentials, endpoint: url, prefix: 'bank/', ...options });
const UNTIL = { retainUntil: '2099-01-01T00:00:00.000Z' };

describeArchive('an archive in S3 with object lock', async () => archiveAt(await start()));

describe('an archive in S3', () => {
  it('locks what it puts, so that nobody removes it before its time', async () => {
    const server = await start();
    await archiveAt(server).put('a', Buffer.from('x'), UNTIL);
    expect(server.removeVersion('bank/a')).toBe(403);
  });

  it('refuses a bucket that takes the lock and forgets it', async () => {
    const server = await start();
    server.forgetLocks();
    await expect(archiveAt(server).put('a', Buffer.from('x'), UNTIL)).rejects.toThrow(ArchiveDamaged);
  });

  it('gets over a busy store and a lost answer, and stores once', async () => {
    const server = await start();
    server.fail(2, 503);
    expect(await archiveAt(server).put('a', Buffer.from('x'), UNTIL)).toEqual({ stored: true });
    server.fail(1, 500, { method: 'PUT', after: true });
    // Whether its first try had stored it, it can't know: that it is there with these bytes, it does.
    expect(await archiveAt(server).put('b', Buffer.from('y'), UNTIL)).toEqual({ stored: false });
    expect((await archiveAt(server).get('b'))?.toString()).toBe('y');
  });

  it('gives up at a store that stays away, and says what it answered', async () => {
    const server = await start();
    server.fail(100, 503);
    await expect(archiveAt(server).put('a', Buffer.from('x'), UNTIL)).rejects.toThrow('503 SlowDown');
  });

  it('shows another\u2019s newer version as what it is: other bytes', async () => {
    const server = await start();
    const archive = archiveAt(server);
    await archive.put('a', Buffer.from('archived'), UNTIL);
    server.overwrite('bank/a', Buffer.from('forged'));
    await expect(archive.put('a', Buffer.from('archived'), UNTIL)).rejects.toThrow(ArchiveConflict);
    expect((await archive.get('a'))?.toString()).toBe('forged');
  });

  it('is refused with wrong keys, and accepted with the right ones', async () => {
    const server = await start();
    const wrong = archiveAt(server, { credentials: { ...server.credentials, secretAccessKey: 'guessed' } });
    await expect(wrong.put('a', Buffer.from('x'), UNTIL)).rejects.toThrow('403 SignatureDoesNotMatch');
    await expect(wrong.get('a')).rejects.toThrow('403');
    expect(await archiveAt(server).put('a', Buffer.from('x'), UNTIL)).toEqual({ stored: true });
  });

  it('keeps its secret out of what it says', async () => {
    expect(archiveAt(await start()).location).toBe('s3://plimsoll-archive/bank/');
  });
});

describe('Signature Version 4', () => {
  // "Examples: Signature Calculations" of the Amazon S3 API Reference.
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const now = new Date('2013-05-24T00:00:00Z');
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  it.each([
    ['GET', 'test.txt', { range: 'bytes=0-9' }, '', 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
    [
      'PUT',
      'test$file.text',
      { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      'Welcome to Amazon S3.',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    ['GET', '?lifecycle', {}, '', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET', '?max-keys=2&prefix=J', {}, '', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ] as const)('of %s /%s is what its documentation says', (method, path, headers, body, signature) => {
    const url = new URL(`https://examplebucket.s3.amazonaws.com/${path}`);
    const { authorization } = signed({ method, url, headers, bodySha256: sha256(body) }, credentials, 'us-east-1', now);
    expect(authorization).toContain(`Signature=${signature}`);
  });
});
