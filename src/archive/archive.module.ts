import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { ArchiveController } from './archive.controller.ts';
import { expireRecordCommand } from './record/expire-record.ts';
import { stayExpiryCommand } from './record/stay-expiry.ts';
import { ArchiveSegmentsHandler } from './segments.query.ts';

@Module({
  controllers: [ArchiveController],
  providers: [...commandHandlers(expireRecordCommand, stayExpiryCommand), ArchiveSegmentsHandler],
})
export class ArchiveModule {}
