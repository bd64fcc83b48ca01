/* SPDX-License-Identifier: MIT */
/* What the firmware's ACPI tables say of the CPUs. */
#ifndef BOOT_ACPI_H
#define BOOT_ACPI_H

/*
 * acpi_count_cpus - CPUs that may be started, the running one included; 0 when there are no such
 * tables (UEFI keeps them where a multiboot 1 kernel cannot find them), or none that can be
 * believed.  Boot only: see phys_read().
 */
unsigned acpi_count_cpus(void);

#endif
