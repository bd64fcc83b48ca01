/* SPDX-License-Identifier: MIT */
/*
 * The log on a VGA text screen: 80 columns, 25 rows, scrolling.
 *
 * Written only where there is such a screen.  On a PC with a BIOS its data area
 * says which mode is on; where UEFI booted us there is none, that area holds
 * zeros, and the memory behind 0xB8000 may not exist: so it must also answer.
 */
#include <drivers/vga.h>
#include <kernel/layout.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/x86.h>

#define COLUMNS          80u
#define ROWS             25u

#define TEXT_MEMORY      (KERNEL_BASE + 0xb8000u)

/* In the BIOS data area. */
#define BDA_MODE         (KERNEL_BASE + 0x449u)
#define BDA_COLUMNS      (KERNEL_BASE + 0x44au)
#define MODE_80_COLOUR   3u

#define CRTC_INDEX       0x3d4u
#define CRTC_DATA        0x3d5u
#define CRTC_CURSOR_HIGH 14u
#define CRTC_CURSOR_LOW  15u

enum colour {
	GREY = 0x07,
	GREEN = 0x0a,
	RED = 0x0c,
	YELLOW = 0x0e,
};

#define BLANK      ((uint16_t)(GREY << 8 | ' '))
#define TEST_CELLS 0xa55au

static volatile uint16_t *const cells = (volatile uint16_t *)TEXT_MEMORY;
static unsigned row, column;

static bool starts(const char *text, size_t length, const char *word)
{
	return length >= strlen(word) && strncmp(text, word, strlen(word)) == 0;
}

/* What the line says decides its colour. */
static enum colour colour_of(const char *text, size_t length)
{
	while (length && *text == ' ') {
		text++;
		length--;
	}
	if (starts(text, length, "ok ") || starts(text, length, "quarry: verdict: PASS"))
		return GREEN;
	if (starts(text, length, "not ok ") || starts(text, length, "Bail out!") ||
	    starts(text, length, "quarry: verdict: FAIL"))
		return RED;
	if (starts(text, length, "#"))
		return YELLOW;
	return GREY;
}

static void scroll(void)
{
	for (unsigned i = 0; i < COLUMNS * (ROWS - 1); i++)
		cells[i] = cells[i + COLUMNS];
	for (unsigned i = 0; i < COLUMNS; i++)
		cells[COLUMNS * (ROWS - 1) + i] = BLANK;
}

static void next_row(void)
{
	column = 0;
	if (row < ROWS - 1)
		row++;
	else
		scroll();
}

static void put(char c, enum colour colour)
{
	if (c == '\n') {
		next_row();
		return;
	}
	if (column == COLUMNS)
		next_row();
	cells[row * COLUMNS + column++] = (uint16_t)((unsigned)colour << 8 | (uint8_t)c);
}

static void show_cursor(void)
{
	unsigned at = row * COLUMNS + (column < COLUMNS ? column : COLUMNS - 1);

	outb(CRTC_INDEX, CRTC_CURSOR_HIGH);
	outb(CRTC_DATA, (uint8_t)(at >> 8));
	outb(CRTC_INDEX, CRTC_CURSOR_LOW);
	outb(CRTC_DATA, (uint8_t)at);
}

static void vga_write(const char *text, size_t length)
{
	enum colour colour = colour_of(text, length);

	for (size_t i = 0; i < length; i++)
		put(text[i], colour);
	show_cursor();
}

static bool bios_says_text(void)
{
	return *(volatile uint8_t *)BDA_MODE == MODE_80_COLOUR &&
	       *(volatile uint16_t *)BDA_COLUMNS == COLUMNS;
}

static bool memory_answers(void)
{
	uint16_t old = cells[0];
	bool answers;

	cells[0] = TEST_CELLS;
	answers = cells[0] == TEST_CELLS;
	cells[0] = old;
	return answers;
}

bool vga_init(bool told_text)
{
	static const struct console console = {"vga", vga_write};

	if (!(told_text || bios_says_text()) || !memory_answers())
		return false;
	for (unsigned i = 0; i < COLUMNS * ROWS; i++)
		cells[i] = BLANK;
	console_add(&console);
	return true;
}
