import { EventCodec } from '#libs/event-sourcing';
import { Instances, type Instance } from './instance.ts';
import { defineProcess } from './process.ts';

const counting = defineProcess({ name: 'counting', instance: {}, initial: 0, evolve: (count: number) => count + 1, react: () => [] });

describe('the instances that a process remembers', () => {
  const found = async (instances: Instances<number>, stream: string): Promise<Instance<number>> =>
    await new Promise((resolve) => void instances.with(stream, (instance) => Promise.resolve(resolve(instance))));

  it('are the same ones, as long as they are not too many', async () => {
    const instances = new Instances(counting, new EventCodec({}));
    const first = await found(instances, 'counting_process-0');
    for (let n = 1; n < 1_000; n++) await found(instances, `counting_process-${n}`);
    expect(await found(instances, 'counting_process-0')).toBe(first);
    const second = await found(instances, 'counting_process-1');
    await found(instances, 'counting_process-1000');
    await found(instances, 'counting_process-1001');
    expect(await found(instances, 'counting_process-0')).toBe(first);
    expect(await found(instances, 'counting_process-1')).toBe(second);
    expect((await found(instances, 'counting_process-2')).revision).toBe(-1);
  });

  it('are read anew after one failed, which may not be what is stored', async () => {
    const instances = new Instances(counting, new EventCodec({}));
    const first = await found(instances, 'counting_process-0');
    await expect(instances.with('counting_process-0', () => Promise.reject(new Error('The store did not answer.')))).rejects.toThrow(
      'answer',
    );
    expect(await found(instances, 'counting_process-0')).not.toBe(first);
  });
});
