"""Detection of person data by column names."""

from __future__ import annotations

import re

KINDS = {
    "a person's name": (
        "name first_name last_name middle_name full_name given_name family_name surname forename "
        "maiden_name nickname initials patient_name member_name"
    ),
    "a number that stands for one person": (
        "id ssn social_security mrn medical_record nhs_number passport driver_license "
        "drivers_license license_plate tax_id national_id patient_id person_id member_id "
        "subject_id beneficiary_id subscriber_id policy_number account_number account_no "
        "card_number iban vin device_id serial_number ip ip_address"
    ),
    "a date of birth or another day in one life": (
        "dob birth_date date_of_birth birthday birthdate birth_day date_of_death death_date "
        "admission_date discharge_date"
    ),
    "an address or a place smaller than a state": (
        "address street house_number postal_code postcode zip zip_code zipcode latitude longitude "
        "lat lon lng geolocation"
    ),
    "a way to reach a person": (
        "email e_mail mail phone telephone mobile fax cell_phone url username user_name login"
    ),
    "free text, which may name anybody": (
        "note notes comment comments remark remarks free_text freetext narrative description memo"
    ),
    "a picture or a mark of a body": "photo image picture fingerprint biometric voice",
}

_WORDS = {words: kind for kind, listed in KINDS.items() for words in listed.split()}


def kind_of_person_data(column: str) -> str | None:
    """Return the kind of person data that a column's name indicates, or None.

    A name is split at spaces, signs and capitals. The words of a kind must occur in it next to each
    other: `PatientName` and `name_of_patient` name people, `renamed` and `hospital ids` do not.
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", column)
    text = f"_{parted.strip('_').lower()}_"
    return next((kind for words, kind in _WORDS.items() if f"_{words}_" in text), None)
