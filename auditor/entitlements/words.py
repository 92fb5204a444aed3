"""The words of a file of rights: headings and values people write, in French and English, without accents or case."""

from collections.abc import Mapping
from typing import Final, TypeVar

from auditor.spreadsheets.rows import Kind
from rules.rights import Channel, Metric, VersionRule

_ENGLISH: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "publisher": ("publisher", "vendor", "manufacturer", "editor", "brand"),
    "product": ("product", "product_name", "software", "software_name", "application", "title"),
    "edition": ("edition",),
    "version": ("version", "release"),
    "version_rule": ("version_rule", "versions_covered", "covered_versions"),
    "metric": ("metric", "license_metric", "licence_metric", "unit", "counted_by"),
    "quantity": (
        *("quantity", "qty", "count", "licenses", "licences", "seats", "number", "quantity_owned", "licenses_owned"),
        *("number_of_licenses", "number_of_licences", "no_of_licenses", "nb_licenses", "quantity_purchased", "owned"),
    ),
    "units_per_pack": ("units_per_pack", "pack_size", "units_per_license", "per_pack"),
    "type": ("type", "license_type", "licence_type", "kind"),
    "channel": ("channel", "purchase_channel", "license_channel", "program", "licensing_program"),
    "bound_to": ("bound_to", "device", "computer", "serial", "serial_number", "machine", "assigned_device"),
    "start": ("start", "start_date", "purchase_date", "purchased_on", "valid_from", "bought_on", "date_of_purchase"),
    "end": ("end", "end_date", "expiry", "expiry_date", "expiration", "expiration_date", "expires", "valid_until"),
    "maintenance_end": (
        *("maintenance_end", "maintenance_until", "end_of_maintenance", "support_end", "sa_end", "sa_until"),
        *("maintenance_expiry", "software_assurance_end"),
    ),
    "downgrade": ("downgrade", "downgrade_right", "downgrade_rights"),
    "second_device": ("second_device", "second_copy", "second_use", "portable_use", "home_use"),
    "virtualization": ("virtualization", "virtual_machines", "vms", "vm_per_license", "virtualisation"),
    "proof": ("proof", "invoice", "invoice_number", "contract", "contract_number", "proof_of_purchase", "order_number"),
    "unit_price": ("unit_price", "unit_price_ht", "price", "unit_cost", "unit_price_excl_vat", "unit_price_ex_vat"),
    "yearly_price": ("yearly_price", "annual_price", "price_per_year", "unit_price_per_year"),
    "monthly_price": ("monthly_price", "price_per_month", "unit_price_per_month"),
    "period": ("period", "price_period", "billing_period", "billing"),
    "currency": ("currency",),
    "note": ("note", "notes", "remark", "remarks", "comment", "comments"),
}
_FRENCH: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("repere", "identifiant"),
    "publisher": ("editeur", "fabricant", "marque"),
    "product": ("produit", "logiciel", "nom_du_logiciel", "nom_du_produit", "designation", "libelle", "progiciel"),
    "edition": ("gamme",),
    "version": ("versions", "version_du_produit", "millesime"),
    "version_rule": ("regle_de_version", "versions_couvertes"),
    "metric": ("metrique", "unite", "comptage", "compte_par", "unite_de_compte"),
    "quantity": (
        *("quantite", "qte", "nombre", "nb", "nb_licences", "nb_de_licences", "nombre_de_licences", "nbre"),
        *("nbre_de_licences", "nbre_licences", "licences_acquises", "nombre_licences", "quantite_achetee", "postes"),
        *("nb_de_postes", "nombre_de_postes", "nb_postes", "droits_acquis", "n_licences", "quantite_acquise"),
    ),
    "units_per_pack": ("unites_par_lot", "taille_du_lot", "unites_par_licence", "unites_par_pack"),
    "type": ("type_de_licence", "mode_de_licence", "nature"),
    "channel": ("canal", "canal_d_achat", "mode_d_achat", "programme", "type_d_achat"),
    "bound_to": ("lie_a", "lie_au_poste", "poste", "ordinateur", "numero_de_serie", "n_de_serie", "materiel", "pc"),
    "start": ("debut", "date_de_debut", "date_d_achat", "achete_le", "date_achat", "valable_des_le"),
    "end": (
        *("fin", "date_de_fin", "echeance", "date_d_echeance", "expiration_le", "date_d_expiration", "expire_le"),
        *("fin_de_validite", "valable_jusqu_au", "fin_du_droit", "date_fin", "fin_d_abonnement"),
    ),
    "maintenance_end": (
        *("fin_de_maintenance", "maintenance_jusqu_au", "date_de_fin_de_maintenance", "fin_maintenance"),
        *("echeance_maintenance", "fin_de_support", "fin_sa", "sa_jusqu_au", "fin_de_la_maintenance"),
    ),
    "downgrade": ("retrogradation", "droit_de_retrogradation", "version_anterieure", "versions_anterieures"),
    "second_device": ("second_poste", "deuxieme_poste", "2e_poste", "second_appareil"),
    "virtualization": ("virtualisation", "machines_virtuelles", "nb_vm", "vm", "vm_par_licence"),
    "proof": (
        *("preuve", "facture", "n_facture", "n_de_facture", "numero_de_facture", "contrat", "n_de_contrat"),
        *("preuve_d_achat", "piece", "bon_de_commande", "n_contrat", "numero_de_contrat", "facture_contrat"),
    ),
    "unit_price": ("prix_unitaire_ht", "prix_unitaire", "pu_ht", "pu", "prix_ht", "prix", "cout_unitaire"),
    "yearly_price": ("prix_annuel_ht", "prix_annuel", "prix_par_an", "prix_unitaire_annuel_ht", "prix_unitaire_ht_an"),
    "monthly_price": ("prix_mensuel_ht", "prix_mensuel", "prix_par_mois", "prix_unitaire_mensuel_ht"),
    "period": ("periode", "periode_du_prix", "periodicite", "facturation"),
    "currency": ("devise", "monnaie"),
    "note": ("remarque", "remarques", "commentaire", "commentaires", "observation", "observations"),
}
KIND: Final = Kind(
    table="entitlements",
    content="rights",
    english=_ENGLISH,
    french=_FRENCH,
    required=("product", "quantity"),
    hint="At least: Product, Metric, Quantity (Produit, Métrique, Quantité). `auditor init` writes such a file.",
    extra_told=True,
    silent_sheets=frozenset({"help", "aide"}),
    unclear=dict.fromkeys(("date", "dates"), "Name it Date d'achat (purchase date) or Fin (end) to have it read."),
)

_V = TypeVar("_V")


def _words(table: Mapping[str, _V]) -> dict[str, _V]:
    """The same by single word: "a b" -> value becomes "a" -> value, "b" -> value."""
    return {word: value for words, value in table.items() for word in words.split()}


# A metric, and how many units a pack of it holds where the word says so (None: it does not).
METRICS: Final[Mapping[str, tuple[Metric, int | None]]] = {
    **_words(
        {
            "device devices per_device computer machine pc workstation node": (Metric.DEVICE, None),
            "appareil appareils poste postes par_poste par_appareil poste_de_travail ordinateur monoposte": (
                Metric.DEVICE,
                None,
            ),
            "user users per_user utilisateur utilisateurs par_utilisateur": (Metric.USER, None),
            "named_user named_users named utilisateur_nomme utilisateurs_nommes nominatif nominative nomme nommee": (
                Metric.NAMED_USER,
                None,
            ),
            "utilisateur_nominatif utilisateurs_nominatifs": (Metric.NAMED_USER, None),
            "concurrent concurrent_user concurrent_users floating network": (Metric.CONCURRENT, None),
            "simultane simultanes utilisateur_simultane utilisateurs_simultanes acces_simultane acces_simultanes": (
                Metric.CONCURRENT,
                None,
            ),
            "flottant flottante reseau concurrente": (Metric.CONCURRENT, None),
            "core cores per_core coeur coeurs par_coeur": (Metric.CORE, None),
            "server servers per_server serveur serveurs par_serveur": (Metric.SERVER, None),
            "server_cal serveur_cal server_and_cal serveur_et_cal": (Metric.SERVER, None),
            "user_cal user_cals cal_user cal_users cal_per_user": (Metric.USER_CAL, None),
            "cal_utilisateur cal_utilisateurs cal_par_utilisateur": (Metric.USER_CAL, None),
            "device_cal device_cals cal_device cal_devices cal_per_device": (Metric.DEVICE_CAL, None),
            "cal_appareil cal_appareils cal_poste cal_postes cal_peripherique cal_peripheriques cal_par_poste": (
                Metric.DEVICE_CAL,
                None,
            ),
            "site site_license site_licence licence_site licence_de_site": (Metric.SITE, None),
            "illimite illimitee unlimited": (Metric.SITE, None),
            "subscription_seat subscription subscriptions seat seats": (Metric.SUBSCRIPTION_SEAT, None),
            "abonnement abonnements siege sieges abonnement_par_utilisateur": (Metric.SUBSCRIPTION_SEAT, None),
        }
    ),
    **{
        form.format(size): (Metric.CORE, size)
        for size in (2, 4, 8, 16)
        for form in (
            *("core_pack{}", "core_pack_{}", "cores_pack_of_{}", "core_pack_of_{}", "{}_core_pack", "pack_{}_cores"),
            *("coeurs_pack_de_{}", "coeur_pack_de_{}", "pack_de_{}_coeurs", "lot_de_{}_coeurs", "{}_coeurs"),
            *("coeurs_lot_de_{}", "cores_pack_{}", "pack_{}_coeurs", "{}_cores", "pack_of_{}_cores"),
        )
    },
}
METRIC_WORDS: Final = (
    *("device (poste)", "user (utilisateur)", "named user (utilisateur nommé)", "concurrent (simultané)"),
    *("core (cœur)", "core pack 2 (cœurs, pack de 2)", "server (serveur)", "user CAL (CAL utilisateur)"),
    *("device CAL (CAL appareil)", "site", "subscription (abonnement)"),
)
CHANNELS: Final[Mapping[str, Channel]] = _words(
    {
        "oem coem oem_dsp preinstalled preinstalle preinstallee constructeur": Channel.OEM,
        "retail fpp box boxed esd full_packaged_product boite version_boite boite_fpp detail": Channel.RETAIL,
        "volume volume_license volume_licence vl olp open open_license open_licence open_value mpsa ea": Channel.VOLUME,
        "select select_plus enterprise_agreement en_volume licence_en_volume": Channel.VOLUME,
        "subscription annual_subscription saas abonnement abonnement_annuel location": Channel.SUBSCRIPTION,
        "spla": Channel.SPLA,
    }
)
CHANNEL_WORDS: Final = ("OEM", "retail (boîte)", "volume", "subscription (abonnement)", "SPLA")
PERPETUAL: Final = frozenset({"perpetual", "perpetuel", "perpetuelle", "licence_perpetuelle", "perpetual_license"})
VERSION_RULES: Final[Mapping[str, VersionRule]] = _words(
    {
        "exact exactly this_version exacte exactement cette_version": VersionRule.EXACT,
        "up_to and_older this_and_older jusqu_a et_anterieures cette_version_et_les_anterieures": VersionRule.UP_TO,
        "any all any_version all_versions any_with_sa with_sa": VersionRule.ANY,
        "toute toutes toute_version toutes_versions toutes_les_versions avec_sa": VersionRule.ANY,
    }
)
VERSION_RULE_WORDS: Final = ("exact (exacte)", "up to (jusqu'à)", "any (toutes)")
# Months a price is for; 0 for one that is paid once.
PERIODS: Final[Mapping[str, int]] = _words(
    {
        "month monthly per_month mois mensuel mensuelle par_mois": 1,
        "year yearly annual per_year an annee annuel annuelle par_an": 12,
        "once one_time purchase perpetual unique une_fois achat perpetuel": 0,
    }
)
PERIOD_WORDS: Final = ("once (unique)", "year (an)", "month (mois)")
TOTALS: Final = frozenset(
    _words(
        {
            "total totals totaux sous_total subtotal sub_total total_general grand_total": True,
            "total_licences total_licenses total_ht total_ttc montant_total total_quantite total_postes": True,
        }
    )
)
SURELY_TOTALS: Final = ("sous_total_", "subtotal_", "sub_total_", "grand_total_", "total_general_", "montant_total_")
EXAMPLES: Final = frozenset({"example", "exemple"})
