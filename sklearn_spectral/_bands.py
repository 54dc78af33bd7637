"""Textbook band assignments of Raman and mid-infrared spectra, in cm-1; none of NIR in nm."""

import numpy as np
import pandas as pd

SOCRATES = (
    "Socrates, G. (2001). Infrared and Raman characteristic group frequencies, 3rd ed. Wiley, "
    "ISBN 978-0-470-09307-8"
)
# Technique and substance: the source, then name, start and end of every band.
BAND_TABLES = {
    "raman-lipids": (
        "Czamara, K. et al. (2015). J. Raman Spectrosc. 46, 4-20, doi:10.1002/jrs.4607",
        """
        C-C stretch 1065: 1050 1073
        C-C stretch 1080: 1074 1100
        C-C stretch 1128: 1115 1140
        =C-H in-plane bend 1265: 1250 1282
        CH2 twist 1300: 1288 1315
        CH2 scissor 1440: 1420 1480
        C=C stretch 1655: 1635 1675
        C=O ester stretch 1745: 1725 1765
        CH2 symmetric stretch 2850: 2835 2865
        CH2 antisymmetric stretch 2885: 2870 2905
        =C-H stretch 3010: 2995 3030
        """,
    ),
    "raman-proteins": (
        "Rygula, A. et al. (2013). J. Raman Spectrosc. 44, 1061-1076, doi:10.1002/jrs.4335",
        """
        S-S stretch 510: 495 550
        tyrosine 830: 822 838
        tyrosine 850: 842 862
        phenylalanine 1003: 996 1010
        amide III 1250: 1225 1300
        CH2 and CH3 bend 1450: 1430 1475
        tryptophan 1550: 1540 1565
        amide I 1660: 1635 1690
        CH3 stretch 2935: 2910 2960
        """,
    ),
    "raman-carbohydrates": (
        "Wiercigroch, E. et al. (2017). Spectrochim. Acta A 185, 317-335, "
        "doi:10.1016/j.saa.2017.05.045",
        """
        ring skeleton 480: 460 500
        anomeric C-H 845: 830 860
        anomeric C-H 895: 880 912
        C-O-C glycosidic 940: 925 955
        C-O and C-C stretch 1080: 1060 1105
        C-O-C stretch 1125: 1110 1150
        C-O-H bend 1340: 1320 1360
        CH2 bend 1460: 1440 1480
        C-H stretch 2900: 2860 2960
        """,
    ),
    "raman-polymers": (
        SOCRATES,
        """
        PVC C-Cl stretch 637: 605 650
        PVC C-Cl stretch 695: 680 712
        PP CH2 rock or PMMA C-O-C stretch 811: 800 825
        PP CH3 rock 841: 832 850
        PET C-C and C-O stretch 858: 851 866
        PC C-CH3 stretch 888: 878 898
        PS ring breathing 1001: 993 1010
        PE C-C stretch 1062: 1053 1072
        PE C-C stretch 1130: 1120 1140
        PET ester 1290: 1275 1302
        aromatic ring 1605: 1590 1622
        PA amide I 1640: 1625 1655
        PET C=O stretch 1727: 1712 1740
        PAN nitrile 2240: 2225 2255
        """,
    ),
    "ftir-lipids": (
        "Guillen, M. D. and Cabo, N. (1997). J. Sci. Food Agric. 75, 1-11, "
        "doi:10.1002/(SICI)1097-0010(199709)75:1<1::AID-JSFA842>3.0.CO;2-R",
        """
        CH2 rock 723: 710 735
        trans =C-H out-of-plane bend 967: 955 980
        C-O ester stretch 1097: 1080 1108
        C-O ester stretch 1119: 1109 1130
        C-O ester stretch 1160: 1140 1190
        C-O ester stretch 1238: 1220 1255
        CH3 bend 1377: 1365 1390
        CH2 bend 1465: 1450 1480
        cis C=C stretch 1654: 1640 1670
        C=O ester stretch 1745: 1720 1765
        CH2 symmetric stretch 2853: 2840 2870
        CH2 antisymmetric stretch 2924: 2900 2945
        cis =C-H stretch 3006: 2995 3025
        """,
    ),
    "ftir-proteins": (
        "Barth, A. (2007). Biochim. Biophys. Acta 1767, 1073-1101, "
        "doi:10.1016/j.bbabio.2007.06.004",
        """
        amide III 1275: 1220 1330
        COO- symmetric stretch 1400: 1380 1425
        CH2 and CH3 bend 1455: 1435 1475
        amide II 1545: 1500 1580
        amide I 1650: 1600 1700
        amide A 3300: 3225 3370
        """,
    ),
    "ftir-carbohydrates": (
        "Wiercigroch, E. et al. (2017). Spectrochim. Acta A 185, 317-335, "
        "doi:10.1016/j.saa.2017.05.045",
        """
        anomeric C-H 850: 835 865
        anomeric C-H 895: 880 910
        C-O-C glycosidic 930: 915 945
        C-O and C-C stretch 1025: 985 1055
        C-O stretch 1080: 1056 1100
        C-O-C stretch 1150: 1125 1175
        C-H and C-O-H bend 1370: 1330 1410
        CH2 bend 1440: 1420 1470
        C-H stretch 2920: 2860 2980
        O-H stretch 3350: 3100 3600
        """,
    ),
    "ftir-polymers": (
        "Jung, M. R. et al. (2018). Mar. Pollut. Bull. 127, 704-716, "
        "doi:10.1016/j.marpolbul.2017.12.061; of the nitrile " + SOCRATES,
        """
        PVC C-Cl stretch 616: 600 640
        PS aromatic C-H bend 694: 685 704
        PE CH2 rock 720: 712 735
        PP CH2 rock 840: 830 850
        PP CH3 rock 972: 965 980
        PET C-O stretch 1094: 1080 1108
        PMMA C-O stretch 1141: 1130 1155
        PET C-O stretch 1241: 1230 1265
        PP CH3 bend 1377: 1365 1388
        PE CH2 bend 1465: 1456 1482
        PS aromatic ring 1492: 1486 1500
        PA amide II 1538: 1515 1560
        PA amide I 1634: 1615 1655
        PET C=O stretch 1713: 1700 1717
        PMMA C=O stretch 1723: 1718 1740
        PC C=O stretch 1768: 1755 1785
        ABS nitrile 2237: 2222 2250
        """,
    ),
}


def band_table(name):
    """Return a table of textbook band assignments.

    Parameters
    ----------
    name : str
        ``"raman-lipids"``, ``"raman-proteins"``, ``"raman-carbohydrates"``, ``"raman-polymers"``,
        or the same with ``"ftir-"``. NIR in nm is not covered: pass bands of your own as a dict.

    Returns
    -------
    table : DataFrame
        A row for every band: columns ``band`` (assignment and typical position), ``start`` and
        ``end`` in cm-1 (ours: wide enough for the usual shifts), and ``source``.

    Raises
    ------
    ValueError
        There is no such table.

    See Also
    --------
    Explanation.contributions : Takes the name of a table, or bands of your own.

    Examples
    --------
    >>> from sklearn_spectral import band_table
    >>> table = band_table("raman-lipids")
    >>> table.loc[table["band"] == "C=C stretch 1655", ["start", "end"]].to_numpy().tolist()
    [[1635.0, 1675.0]]
    """
    if not isinstance(name, str) or name not in BAND_TABLES:
        raise ValueError(
            f"{name!r} is none of the tables of bands: {sorted(BAND_TABLES)}. Pass bands of your "
            "own as a dict, {'C=O stretch': (1730, 1760)}."
        )
    source, text = BAND_TABLES[name]
    rows = []
    for line in text.strip().splitlines():
        band, limits = line.strip().rsplit(":", 1)
        rows.append((band, *map(float, limits.split()), source))
    return pd.DataFrame(rows, columns=["band", "start", "end", "source"])


def named_bands(name, x_axis):
    """Return the bands of a table that lie on an axis: {band: (start, end)}."""
    table, x_axis = band_table(name), np.asarray(x_axis)
    covered = {
        band: (start, end)
        for band, start, end in table[["band", "start", "end"]].itertuples(index=False)
        if ((start <= x_axis) & (x_axis <= end)).any()
    }
    if not covered:
        raise ValueError(
            f"No band of {name!r} ({table['start'].min():g} to {table['end'].max():g} cm-1) covers "
            f"a point: the axis runs from {np.min(x_axis):g} to {np.max(x_axis):g}. The tables are "
            "in wavenumbers; pass x_axis to explain, or bands of your own."
        )
    return covered
