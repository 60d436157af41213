import { webhookSigner, webhookVerifier } from './index.ts';

const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const now = new Date('2026-03-02T10:00:00.000Z');
const body = Buffer.from('{"a":1}');
const headers = (at = now, id = 'msg-1', text = body.toString()) => ({ ...webhookSigner(secret)(id, at, text) });
const verify = webhookVerifier(secret);

describe('the verification of webhooks', () => {
  it('takes what was signed with the secret, at any place of the list, and gives its id', () => {
    expect(verify({ headers: headers(), body }, now)).toEqual({ id: 'msg-1' });
    const several = { ...headers(), 'webhook-signature': `v1,AAAA v2,BBBB ${headers()['webhook-signature']!}` };
    expect(verify({ headers: several, body }, now)).toEqual({ id: 'msg-1' });
  });

  it('takes the example of the specification', () => {
    const known = webhookVerifier('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const example = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    expect(known({ headers: example, body: Buffer.from('{"test": 2432232314}') }, new Date(1614265330_000))).toEqual({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    });
  });

  it('keeps to five minutes on either side', () => {
    const at = (seconds: number) => verify({ headers: headers(new Date(now.getTime() + seconds * 1000)), body }, now);
    for (const seconds of [-300, 0, 300]) expect(at(seconds)).toEqual({ id: 'msg-1' });
    for (const seconds of [-301, 301]) expect(at(seconds)).toMatchObject({ problem: expect.stringMatching(/300 seconds/) });
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['no id', { 'webhook-id': undefined }],
    ['an id with a space', { 'webhook-id': 'msg 1' }],
    ['another id', { 'webhook-id': 'msg-2' }],
    ['a timestamp that is none', { 'webhook-timestamp': 'now' }],
    ['another timestamp', { 'webhook-timestamp': '1772445601' }],
    ['no signature', { 'webhook-signature': undefined }],
    ['another signature', { 'webhook-signature': 'v1,AAAA' }],
  ])('refuses %s', (_what, wrong) => {
    expect(verify({ headers: { ...headers(), ...wrong }, body }, now)).toHaveProperty('problem');
  });

  it('refuses other bytes', () => {
    expect(verify({ headers: headers(), body: Buffer.from('{"a":2}') }, now)).toHaveProperty('problem');
  });
});
