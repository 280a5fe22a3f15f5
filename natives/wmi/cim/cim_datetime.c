// The two written forms of CIM datetimes: DMTF ("yyyymmddhhmmss.mmmmmm+zzz", intervals
// "ddddddddhhmmss.mmmmmm:000"; DSP0004), which WMI has, and ISO 8601, which WS-Management carries
// inside cim:Datetime and cim:Interval. Above the transport there is only the DMTF form.
#include <stdio.h>
#include <string.h>

#include "cim.h"

#define DMTF_LEN       25
#define ZONE_HOURS_MAX 15 // a DMTF text has three digits for the minutes

struct when {
    int year, month, day, hour, minute, second, microsecond;
    int offset_minutes;
    unsigned long days; // of an interval
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Exactly `count` digits.
static bool digits(const char **p, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (!is_digit(**p)) {
            return false;
        }
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

// ".123" as microseconds; nothing there: 0.
static bool fraction(const char **p, int *out)
{
    int scale = 100000;

    *out = 0;
    if (**p != '.' && **p != ',') {
        return true;
    }
    if (!is_digit((*p)[1])) {
        return false;
    }
    for ((*p)++; is_digit(**p); (*p)++) {
        *out += (**p - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool expect(const char **p, char c)
{
    return *(*p)++ == c;
}

static bool zone(const char *p, int *offset_minutes)
{
    int hours, minutes, sign;

    *offset_minutes = 0;
    if (*p == '\0' || strcmp(p, "Z") == 0) {
        return true;
    }
    sign = *p == '-' ? -1 : 1;
    if (*p != '+' && *p != '-') {
        return false;
    }
    p++;
    if (!digits(&p, 2, &hours)) {
        return false;
    }
    if (*p == ':') {
        p++;
    }
    if (!digits(&p, 2, &minutes) || *p || hours > ZONE_HOURS_MAX || minutes > 59) {
        return false;
    }
    *offset_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool is_plausible(const struct when *w)
{
    return w->hour <= 24 && w->minute <= 59 && w->second <= 60;
}

// 2024-05-01T12:34:56.789+09:00
static char *dmtf_of_time(const char *p)
{
    struct when w = {0};

    if (!digits(&p, 4, &w.year) || !expect(&p, '-') || !digits(&p, 2, &w.month) ||
        !expect(&p, '-') || !digits(&p, 2, &w.day) || !expect(&p, 'T') || !digits(&p, 2, &w.hour) ||
        !expect(&p, ':') || !digits(&p, 2, &w.minute) || !expect(&p, ':') ||
        !digits(&p, 2, &w.second) || !fraction(&p, &w.microsecond) || !zone(p, &w.offset_minutes) ||
        !is_plausible(&w)) {
        return NULL;
    }
    return tk_sprintf("%04d%02d%02d%02d%02d%02d.%06d%c%03d", w.year, w.month, w.day, w.hour,
                      w.minute, w.second, w.microsecond, w.offset_minutes < 0 ? '-' : '+',
                      w.offset_minutes < 0 ? -w.offset_minutes : w.offset_minutes);
}

// The letters of a duration stand once each and in this order, so that nothing can be added up
// beyond its range.
static bool in_order(char letter, bool in_time, int *last)
{
    static const char order[] = "YMDhms"; // small: after the T
    const char *found;
    char known = letter;

    if (in_time) {
        known = letter == 'H' ? 'h' : letter == 'M' ? 'm' : letter == 'S' ? 's' : '?';
    }
    found = known ? strchr(order, known) : NULL;
    if (!found || (!in_time && known >= 'a') || (int)(found - order) <= *last) {
        return false;
    }
    *last = (int)(found - order);
    return true;
}

// One number of a duration with its letter. False at the end of the text and at nonsense.
static bool part(const char **p, unsigned long long *number, int *microsecond, char *letter)
{
    int count = 0;

    *number = 0;
    for (; is_digit(**p) && count < 15; (*p)++, count++) {
        *number = *number * 10 + (unsigned)(**p - '0');
    }
    if (count == 0 || !fraction(p, microsecond)) {
        return false;
    }
    *letter = **p;
    *p += **p ? 1 : 0;
    return true;
}

static unsigned long long seconds_of(char letter, bool in_time)
{
    switch (letter) {
    case 'D':
        return in_time ? 0 : 86400;
    case 'H':
        return in_time ? 3600 : 0;
    case 'M':
        return in_time ? 60 : 0;
    case 'S':
        return in_time ? 1 : 0;
    default:
        return 0;
    }
}

// P1DT2H3M4.5S. Years and months have no fixed length: only 0 of them is understood.
static char *dmtf_of_duration(const char *p)
{
    unsigned long long total = 0, number;
    int microsecond = 0, fractional, last = -1;
    bool in_time = false, any = false;
    char letter;

    for (p++; *p;) {
        unsigned long long unit;

        if (*p == 'T' && !in_time) {
            in_time = true;
            p++;
            continue;
        }
        if (!part(&p, &number, &fractional, &letter)) {
            return NULL;
        }
        unit = seconds_of(letter, in_time);
        if (!in_order(letter, in_time, &last) || (unit == 0 && number > 0) ||
            (fractional && letter != 'S') || number > 8640000000000ull / (unit ? unit : 1)) {
            return NULL;
        }
        any = true;
        total += number * unit;
        microsecond += fractional;
    }
    if (!any || total / 86400 > 99999999) {
        return NULL;
    }
    return tk_sprintf("%08llu%02llu%02llu%02llu.%06d:000", total / 86400, total / 3600 % 24,
                      total / 60 % 60, total % 60, microsecond);
}

// DMTF allows * for what is not significant.
static bool is_dmtf(const char *text)
{
    if (strlen(text) != DMTF_LEN || text[14] != '.' || !strchr("+-:", text[21])) {
        return false;
    }
    for (int i = 0; i < DMTF_LEN; i++) {
        if (i != 14 && i != 21 && !is_digit(text[i]) && text[i] != '*') {
            return false;
        }
    }
    return true;
}

char *tk_cim_datetime_to_dmtf(const char *text)
{
    if (is_dmtf(text)) {
        return tk_strdup(text);
    }
    return text[0] == 'P' && text[1] ? dmtf_of_duration(text) : dmtf_of_time(text);
}

char *tk_cim_datetime_to_iso(const char *dmtf, bool *is_interval)
{
    struct when w = {0};
    const char *p = dmtf;
    int days_high, days_low, zone_minutes;

    if (!is_dmtf(dmtf) || strchr(dmtf, '*')) {
        return NULL;
    }
    *is_interval = dmtf[21] == ':';
    if (*is_interval) {
        digits(&p, 4, &days_high);
        digits(&p, 4, &days_low);
        w.days = (unsigned long)days_high * 10000 + (unsigned long)days_low;
    } else {
        digits(&p, 4, &w.year);
        digits(&p, 2, &w.month);
        digits(&p, 2, &w.day);
    }
    digits(&p, 2, &w.hour);
    digits(&p, 2, &w.minute);
    digits(&p, 2, &w.second);
    fraction(&p, &w.microsecond);
    if (*is_interval) {
        return tk_sprintf("P%luDT%dH%dM%d.%06dS", w.days, w.hour, w.minute, w.second,
                          w.microsecond);
    }
    p = dmtf + 22;
    digits(&p, 3, &zone_minutes);
    if (zone_minutes == 0) {
        return tk_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", w.year, w.month, w.day, w.hour,
                          w.minute, w.second, w.microsecond);
    }
    return tk_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06d%c%02d:%02d", w.year, w.month, w.day,
                      w.hour, w.minute, w.second, w.microsecond, dmtf[21], zone_minutes / 60,
                      zone_minutes % 60);
}
