import { Module } from '@nestjs/common';
import { ArchiveController } from './archive.controller.ts';
import { ArchiveSegmentsHandler } from './segments.query.ts';

@Module({ controllers: [ArchiveController], providers: [ArchiveSegmentsHandler] })
export class ArchiveModule {}
