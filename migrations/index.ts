import type { MigrationInterface } from 'typeorm';
import { EventLog1767225600000 } from './1767225600000-event-log.ts';
import { Messaging1767225700000 } from './1767225700000-messaging.ts';
import { Subscriptions1767225800000 } from './1767225800000-subscriptions.ts';
import { Idempotency1767225900000 } from './1767225900000-idempotency.ts';
import { Views1767226000000 } from './1767226000000-views.ts';
import { IngestionViews1767226100000 } from './1767226100000-ingestion-views.ts';
import { Calendars1767226275000 } from './1767226275000-calendars.ts';
import { ApprovalsAndBypasses1767226340000 } from './1767226340000-approvals-and-bypasses.ts';
import { Ledger1767226430000 } from './1767226430000-ledger.ts';
import { LegalHolds1767226551000 } from './1767226551000-legal-holds.ts';
import { Archive1767226552000 } from './1767226552000-archive.ts';
import { Records1767226553000 } from './1767226553000-records.ts';
import { Changes1767226555000 } from './1767226555000-changes.ts';
import { IdentityViews1767226710000 } from './1767226710000-identity-views.ts';
import { SubjectKeys1767226803000 } from './1767226803000-subject-keys.ts';
import { LedgerWitnesses1767227010000 } from './1767227010000-ledger-witnesses.ts';
import { UnauthorisedDeployments1767227230000 } from './1767227230000-unauthorised-deployments.ts';
import { LedgerStrays1767227310000 } from './1767227310000-ledger-strays.ts';
import { Denials1767227400000 } from './1767227400000-denials.ts';
import { GovernanceLists1767227410000 } from './1767227410000-governance-lists.ts';
import { EnvironmentProposals1767227500000 } from './1767227500000-environment-proposals.ts';

/** Every change of the schema, oldest first. Forward only: a mistake is put right by the next one. */
export const migrations: readonly (new () => MigrationInterface)[] = [
  EventLog1767225600000,
  Messaging1767225700000,
  Subscriptions1767225800000,
  Idempotency1767225900000,
  Views1767226000000,
  IngestionViews1767226100000,
  Calendars1767226275000,
  ApprovalsAndBypasses1767226340000,
  Ledger1767226430000,
  LegalHolds1767226551000,
  Archive1767226552000,
  Records1767226553000,
  Changes1767226555000,
  IdentityViews1767226710000,
  SubjectKeys1767226803000,
  LedgerWitnesses1767227010000,
  UnauthorisedDeployments1767227230000,
  LedgerStrays1767227310000,
  Denials1767227400000,
  GovernanceLists1767227410000,
  EnvironmentProposals1767227500000,
];
