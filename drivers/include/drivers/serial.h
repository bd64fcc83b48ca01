/* SPDX-License-Identifier: MIT */
/* The first serial port, COM1, as a console: 115200 8n1. */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

#include <stdbool.h>

/* Set up the port and add it as a console.  Returns false when there is none. */
bool serial_init(void);

#endif
