import { randomUUID } from 'node:crypto';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { ClusterInfo, EndPoint, MemberInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { uuid } from './wire.ts';

export interface Member {
  readonly address: string;
  readonly port: number;
  readonly state: 'leader' | 'follower';
}

/** What a node says of its cluster to a client that is looking for the leader. */
export function clusterInfo(members: readonly Member[]): ClusterInfo {
  const info = new ClusterInfo();
  for (const { address, port, state } of members) {
    const member = new MemberInfo();
    member.setInstanceId(uuid(randomUUID()));
    member.setTimeStamp('0');
    member.setState(state === 'leader' ? MemberInfo.VNodeState.LEADER : MemberInfo.VNodeState.FOLLOWER);
    member.setIsAlive(true);
    member.setHttpEndPoint(new EndPoint().setAddress(address).setPort(port));
    info.addMembers(member);
  }
  return info;
}

/** What the server can do; clients choose between `Append` and `BatchAppend` by it. */
export function supportedMethods(): SupportedMethods {
  const methods = new SupportedMethods().setEventStoreServerVersion('24.10.0');
  for (const { path } of Object.values(StreamsService) as { path: string }[]) {
    const [, service = '', method = ''] = path.toLowerCase().split('/');
    methods.addMethods(new SupportedMethod().setServiceName(service).setMethodName(method));
  }
  return methods;
}
