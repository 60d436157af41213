import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { GateName, GateRule, PolicyEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { gateNames, hashOf } from '#libs/policy';
import { policy, type Policy } from './policy.ts';

export class GateRuleField {
  @IsString() @MaxLength(100) gate: string;
  /** For `approved`: how many distinct persons. */
  @IsOptional() @IsInt() @Min(1) @Max(20) quorum?: number;
}

export class PublishPolicy {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'policyId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' })
  policyId: string;
  @IsString() @MaxLength(200) title: string;
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @ValidateNested({ each: true }) @Type(() => GateRuleField) gates: readonly GateRuleField[];
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ValidateNested({ each: true })
  @Type(() => GateRuleField)
  rollbackGates: readonly GateRuleField[];
}

/** A policy that names an unknown gate, or one that nobody can satisfy, does not publish (principle 6). */
export function publishPolicy(command: Issued<PublishPolicy>, state: Policy): Decision<PolicyEvent> {
  const gates = rulesOf(command.gates);
  if ('refused' in gates) return gates;
  const rollbackGates = rulesOf(command.rollbackGates);
  if ('refused' in rollbackGates) return rollbackGates;
  const { title } = command;
  if (hashOf({ title, gates, rollbackGates }) === hashOf({ title: state.title, gates: state.gates, rollbackGates: state.rollbackGates }))
    return [];
  return [{ type: 'PolicyPublished', data: { policyId: command.target, version: state.version + 1, title, gates, rollbackGates } }];
}

function rulesOf(fields: readonly GateRuleField[]): readonly GateRule[] | Refusal {
  const unknown = fields.filter((f) => !(gateNames as readonly string[]).includes(f.gate)).map((f) => f.gate);
  if (unknown.length > 0) {
    return refuse('meaning', 'gate-unknown', `Unknown: ${unknown.join(', ')}. Gates are ${gateNames.join(', ')}.`);
  }
  const twice = fields.map((f) => f.gate).filter((gate, i, all) => all.indexOf(gate) < i);
  if (twice.length > 0) return refuse('meaning', 'gate-twice', `Named twice: ${[...new Set(twice)].join(', ')}.`);
  const misplaced = fields.find((f) => (f.gate === 'approved') !== (f.quorum !== undefined));
  if (misplaced) {
    return refuse(
      'meaning',
      'gate-parameters',
      misplaced.gate === 'approved' ? 'Gate approved needs a quorum from 1 to 20.' : `Gate ${misplaced.gate} takes no quorum.`,
    );
  }
  if (fields.some((f) => f.gate === 'duties-separated') && !fields.some((f) => f.gate === 'approved')) {
    return refuse('meaning', 'gate-unsatisfiable', 'Gate duties-separated judges approvals: name approved beside it.');
  }
  return fields.map((f): GateRule =>
    f.gate === 'approved' ? { gate: 'approved', quorum: f.quorum ?? 1 } : { gate: f.gate as Exclude<GateName, 'approved'> },
  );
}

export const publishPolicyCommand = defineCommand({
  type: PublishPolicy,
  aggregate: policy,
  decide: publishPolicy,
  governed: (command) => ({ policyId: command.target }),
});
